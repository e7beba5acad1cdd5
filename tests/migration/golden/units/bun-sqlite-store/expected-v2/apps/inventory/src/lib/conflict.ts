import { HttpError } from "@shared/utils";

/** Turns a broken constraint into a 409; every other error goes on. */
export function conflict(error: unknown, what: string): never {
  if (error instanceof Error && / constraint failed/.test(error.message)) {
    throw new HttpError(409, what);
  }
  throw error;
}
