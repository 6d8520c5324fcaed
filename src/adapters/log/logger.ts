import { compareLogLevel, type LogLevel, type TextFormatter } from "@logtape/logtape";
import type { Clock } from "../../domain/ports/clock.ts";
import type { LogFields, Logger } from "../../domain/ports/logger.ts";
import { formatJson, prettyFormatter } from "./format.ts";
import { type PlainObject, toPlain } from "./plain.ts";

export interface LoggerOptions {
  /** The lowest level that is written. At `debug`, errors show their stack. */
  readonly level: "debug" | "info" | "warn" | "error";
  readonly format: "json" | "pretty";
  /** Writes one line, given without its line feed. Its errors are ignored, so that a full disk does not stop requests. */
  write(line: string): void;
  /** ANSI colours, in the pretty format only. Default: `false`. */
  readonly colors?: boolean;
  readonly clock?: Clock;
}

/**
 * A logger that writes lines.
 *
 * Uses the levels, records and formatters of LogTape, but not its `configure()`. That sets the configuration of the
 * whole process, which belongs to the application: two services in one process, or a host that uses LogTape itself,
 * would overwrite each other's.
 */
export function createLogger(options: LoggerOptions): Logger {
  const least = nameOf(options.level);
  const format = options.format === "json" ? formatJson : prettyFormatter(options.colors ?? false);
  const now = options.clock ?? Date;
  return loggerWith({}, { format, least, now: () => now.now(), write: options.write });
}

interface Output {
  readonly format: TextFormatter;
  readonly least: LogLevel;
  now(): number;
  write(line: string): void;
}

function loggerWith(context: PlainObject, output: Output): Logger {
  const stacks = output.least === "debug";
  const at = (level: LogLevel) => {
    if (compareLogLevel(level, output.least) < 0) return () => {};
    return (event: string, fields?: LogFields) => {
      try {
        const properties = { ...context, ...(fields && toPlain(fields, stacks)) };
        const timestamp = output.now();
        const record = { category: ["stowage"], level, message: [event], rawMessage: event };
        // LogTape's formatters end the line, but `write` takes it without its line feed.
        output.write(output.format({ ...record, timestamp, properties }).slice(0, -1));
      } catch {
        // There is nowhere left to report it.
      }
    };
  };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warning"),
    error: at("error"),
    with: (fields) => loggerWith({ ...context, ...toPlain(fields, stacks) }, output),
  };
}

function nameOf(level: LoggerOptions["level"]): LogLevel {
  return level === "warn" ? "warning" : level;
}
