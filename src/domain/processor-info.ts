import { findMediaType } from "./media-type.ts";
import type { ProcessorInfo } from "./ports/processor.ts";

const NAME = /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/;
const VERSION = /^[A-Za-z0-9._+-]{1,40}$/;

/**
 * The problems with the description of a processor, each as a clause.
 *
 * The values can be anything: they may come from JavaScript, or from another process.
 */
export function processorProblems(info: Readonly<Record<keyof ProcessorInfo, unknown>>): string[] {
  const { name, version, accepts } = info;
  const problems: string[] = [];
  if (!matches(name, NAME)) {
    problems.push(`its name must be 1 to 40 of a-z 0-9 -, found ${show(name)}`);
  }
  if (!matches(version, VERSION)) {
    problems.push(`its version must be 1 to 40 of A-Z a-z 0-9 . _ + -, found ${show(version)}`);
  }
  if (!Array.isArray(accepts) || accepts.length === 0) {
    problems.push("it must accept at least one media type");
    return problems;
  }
  const wrong = accepts.find((type) => typeof type !== "string" || findMediaType(type) !== type);
  if (wrong !== undefined) {
    problems.push(`its media types must be valid and in lower case, found ${show(wrong)}`);
  }
  return problems;
}

function matches(value: unknown, pattern: RegExp): boolean {
  return typeof value === "string" && pattern.test(value);
}

function show(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value.slice(0, 80)) : typeof value;
}
