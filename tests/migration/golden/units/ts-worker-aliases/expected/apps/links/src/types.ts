/** One short name and where it leads. */
export interface Link {
  name: string;
  target: string;
  clicks: number;
}

export interface Env {
  BASE_URL: string;
}
