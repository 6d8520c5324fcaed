import { defineProcessor, isStowageError } from "../../../src/processor.ts";

/** Asks for the document in the ways that its extension names (`.bytes-text`), and returns what it got. */
export default defineProcessor({
  name: "asking",
  version: "1",
  accepts: ["*/*"],
  async process(input) {
    const got: unknown[] = [];
    for (const way of input.extension.slice(1).split("-")) {
      if (way === "text") got.push(await input.text());
      if (way === "bytes") got.push((await input.bytes()).byteLength);
      if (way === "stream") for await (const chunk of input.stream()) got.push(chunk.byteLength);
      if (way === "anyhow") got.push(await input.text().catch(codeOf));
    }
    return { output: { got } };
  },
});

function codeOf(error: unknown): unknown {
  return isStowageError(error) ? error.code : String(error);
}
