/**
 * Writes all documents that mean harm, and a list of them: `node test/bombs/generate.ts --out DIR`. They
 * are the same every time, but for the canaries that they are aimed at: `--canary-file`, `--canary-url`.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { BOMBS } from "./corpus.ts";

const { values } = parseArgs({
  options: {
    out: { type: "string" },
    "canary-file": { type: "string", default: "/nonexistent/canary" },
    "canary-url": { type: "string", default: "http://127.0.0.1:9" },
  },
});
if (values.out === undefined) throw new Error("Cannot write documents: --out names no folder");
const canary = { path: values["canary-file"], url: values["canary-url"] };
mkdirSync(values.out, { recursive: true });
const list = BOMBS.map(({ name, contentType, attacks, ends, make }) => {
  const bytes = make(canary);
  writeFileSync(join(values.out ?? "", name), bytes);
  return { name, contentType, attacks, ends, sizeBytes: bytes.byteLength };
});
writeFileSync(join(values.out, "bombs.json"), `${JSON.stringify(list, null, 2)}\n`);
