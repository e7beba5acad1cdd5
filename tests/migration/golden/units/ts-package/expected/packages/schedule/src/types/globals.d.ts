/** Set by the bundler. */
declare const SCHEDULE_VERSION: string | undefined;
