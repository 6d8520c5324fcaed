/** Values of a log line: plain data with units in the names (`sizeBytes`, `durationMs`). */
export type LogFields = Readonly<Record<string, unknown>>;

/**
 * Where events are logged.
 *
 * `event` is a fixed dotted name (`upload.stored`), never a sentence with data in it. Callers keep
 * filenames, keys, tokens and document text out of `info` and above. A logger never throws.
 */
export interface Logger {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  /** A logger that adds `fields` to every line. */
  with(fields: LogFields): Logger;
}

/** A logger that drops everything. */
export const SILENT: Logger = Object.freeze({
  debug() {},
  info() {},
  warn() {},
  error() {},
  with: () => SILENT,
});
