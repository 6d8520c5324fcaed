import type { UploadDetails } from "../../application/uploads/upload-input.ts";
import { parseMetadata } from "../../domain/metadata.ts";
import { type FieldProblem, type HttpError, invalidFields } from "../problem.ts";
import { TimeParameter } from "../schemas.ts";
import { parseSha256Field } from "./request-digests.ts";
import type { FormFields } from "./upload-form.ts";

/**
 * Read the fields of a form that describe its file. Unknown fields are ignored.
 *
 * @param now Milliseconds since 1970.
 * @throws {StowageError} `invalid_parameter` for an invalid flag or time or a repeated field,
 *   `invalid_metadata`, `invalid_digest`.
 */
export function readDetails(fields: FormFields, now: number): UploadDetails {
  const autoProcess = findOnly(fields, "auto_process");
  const metadata = findOnly(fields, "metadata");
  const expiresAt = findOnly(fields, "expires_at");
  const sha256 = findOnly(fields, "sha256");
  return {
    autoProcess: autoProcess === null ? null : parseFlag(autoProcess),
    metadata: metadata === null ? {} : parseMetadata(metadata),
    expiresAt: expiresAt === null ? null : requireFuture(parseTime(expiresAt), now),
    digests: sha256 === null ? [] : [parseSha256Field("sha256", sha256)],
  };
}

/**
 * Check an expiry time.
 *
 * @param at Milliseconds since 1970, like `now`.
 * @param field Where it was sent.
 * @throws {HttpError} `invalid_parameter`
 */
export function requireFuture(
  at: number,
  now: number,
  field: Omit<FieldProblem, "detail"> = { parameter: "expires_at" },
): number {
  if (at > now) return at;
  throw invalidFields([{ ...field, detail: "Expected a time in the future" }]);
}

/** A validated flag, or `null` if it was left out. */
export function toFlag(text: "true" | "false" | undefined): boolean | null {
  return text === undefined ? null : text === "true";
}

function findOnly(fields: FormFields, name: string): string | null {
  const values = fields.get(name) ?? [];
  if (values.length > 1) throw invalidField(name, "Expected this field once");
  return values[0] ?? null;
}

function parseFlag(text: string): boolean {
  if (text !== "true" && text !== "false") {
    throw invalidField("auto_process", "Expected true or false");
  }
  return text === "true";
}

function parseTime(text: string): number {
  const parsed = TimeParameter.safeParse(text);
  if (parsed.success) return parsed.data;
  throw invalidField("expires_at", "Expected an RFC 3339 time with Z or an offset");
}

function invalidField(parameter: string, detail: string): HttpError {
  return invalidFields([{ parameter, detail }]);
}
