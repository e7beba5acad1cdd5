/** Writes one JSON object a line, as the log ingestion expects it. */
export interface Logger {
  info(message: string): void;
  error(message: string): void;
}

export function createLogger(worker: string): Logger {
  const write = (level: string, message: string): void => {
    console.log(JSON.stringify({ ts: new Date().toISOString(), worker, level, message }));
  };
  return {
    info: (message) => write('info', message),
    error: (message) => write('error', message),
  };
}
