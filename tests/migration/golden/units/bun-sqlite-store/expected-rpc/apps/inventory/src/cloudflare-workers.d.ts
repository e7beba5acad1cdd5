// What the Workers runtime gives; remove this file once the package has @cloudflare/workers-types.
declare module 'cloudflare:workers' {
  export const env: Cloudflare.Env;
}
