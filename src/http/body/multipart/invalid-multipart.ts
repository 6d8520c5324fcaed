import { StowageError } from "../../../domain/errors.ts";

/** @param state What is wrong with the form. */
export function invalidMultipart(state: string): StowageError {
  return new StowageError("invalid_multipart", `Cannot read form: ${state}`);
}
