import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Open } from "../contender.ts";
import type { BenchDocument } from "../corpus.ts";

const run = promisify(execFile);

/** A program that reads one file and prints its text: a process per document. */
export function program(name: string, argumentsFor: (path: string) => string[]): Open {
  return async (_, documents) => {
    const folder = await mkdtemp(join(tmpdir(), "stowage-bench-"));
    const paths = new Map<BenchDocument, string>();
    for (const [i, document] of documents.entries()) {
      const path = join(folder, `${i}${document.extension}`);
      await writeFile(path, document.bytes);
      paths.set(document, path);
    }
    return {
      async read(document) {
        const path = paths.get(document) ?? "";
        return (await run(name, argumentsFor(path), { maxBuffer: 64 * 2 ** 20 })).stdout;
      },
      close: () => rm(folder, { recursive: true, force: true }),
    };
  };
}
