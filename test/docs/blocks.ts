import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A fenced block of a document: ```` ```ts name.ts ````. */
export interface Block {
  readonly language: string;
  /** What follows the language; empty where nothing does. */
  readonly name: string;
  readonly text: string;
}

export function blocksOf(document: string): Block[] {
  const fences = /^```(\w+)(?: (\S+))?\n([\s\S]*?)^```$/gm;
  return [...readFileSync(document, "utf8").matchAll(fences)].map(
    ([, language = "", name = "", text = ""]) => ({ language, name, text }),
  );
}

/** Write every block that has a name into `folder`, under that name. */
export function writeBlocks(blocks: readonly Block[], folder: string): void {
  for (const { name, text } of blocks) {
    if (name !== "") writeFileSync(join(folder, name), text);
  }
}
