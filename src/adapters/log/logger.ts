import { compareLogLevel, type LogLevel, type TextFormatter } from "@logtape/logtape";
import type { Clock } from "../../domain/ports/clock.ts";
import type { LogFields, Logger } from "../../domain/ports/logger.ts";
import { formatJson, prettyFormatter } from "./format.ts";
import { type PlainObject, toPlain } from "./plain.ts";

export interface LoggerOptions {
  /** The least level that is written. At `debug` errors show their stack. */
  readonly level: "debug" | "info" | "warn" | "error";
  readonly format: "json" | "pretty";
  /** Takes one line without its line feed. What it throws is lost: a full disk stops no request. */
  write(line: string): void;
  /** ANSI colours; of the pretty format only. Default `false`. */
  readonly colors?: boolean;
  readonly clock?: Clock;
}

/**
 * A logger that writes lines.
 *
 * Levels, records and formatters are LogTape's. Its `configure()` is not used: that is one table for a
 * whole process, which belongs to the application; two services in one process (or a host that uses
 * LogTape itself) must not fight over it.
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
        // LogTape's formatters end a line; where lines go is for the sink to know.
        output.write(output.format({ ...record, timestamp, properties }).slice(0, -1));
      } catch {
        // There is nowhere left to tell it.
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
