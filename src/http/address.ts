import type { HttpOptions } from "./endpoint.ts";

/** Where callers find what is at `path` of the API: an absolute address only where PUBLIC_URL is set. */
export function addressOf(options: HttpOptions, path: string): string {
  return `${options.publicUrl ?? options.basePath ?? ""}/api/v1${path}`;
}
