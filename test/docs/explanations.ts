import { EXPLANATIONS as FOLDER } from "../../drivers/fs/errors.ts";
import { NETWORK_EXPLANATIONS } from "../../drivers/s3/wire/network-failures.ts";
import { ACCESS_DENIED, RESPONSE_EXPLANATIONS } from "../../drivers/s3/wire/s3-codes.ts";
import { EXPLANATIONS as UNSTORAGE } from "../../drivers/unstorage/errors.ts";

interface Explanation {
  readonly reason: string;
  readonly advice?: string | undefined;
}

/** What the errors of each driver say, and what to do. */
export const EXPLANATIONS = {
  folder: FOLDER,
  s3: [ACCESS_DENIED, ...RESPONSE_EXPLANATIONS, ...NETWORK_EXPLANATIONS],
  unstorage: UNSTORAGE,
} satisfies Record<string, readonly Explanation[]>;

/** A table of Markdown, as the documents have it. */
export function explanationTable(explanations: readonly Explanation[]): string {
  const rows = explanations.map(({ reason, advice = "" }) => `| ${reason} | ${advice} |\n`);
  return `| the error says | what to do |\n|---|---|\n${rows.join("")}`;
}
