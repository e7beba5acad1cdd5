// Shortens links. Traps for a careless rewriter: import x from "../lib/slug" is no code here.
import { HttpError } from "../../utils";
import { route } from "@/router";
import type { Env } from "./types";

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    try {
      return await route(request, env);
    } catch (error) {
      if (error instanceof HttpError) {
        return error.toResponse();
      }
      throw error;
    }
  },
};
