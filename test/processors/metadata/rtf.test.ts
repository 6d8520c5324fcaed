import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { metadataOf } from "./run.ts";

const MINUTES = join(import.meta.dirname, "..", "..", "fixtures", "minutes.rtf");
const about = (rtf: string) => metadataOf("application/rtf", Buffer.from(rtf, "latin1"));
const info = (fields: string, rest = "a") =>
  about(`{\\rtf1\\ansi\\ansicpg1252 {\\info${fields}}${rest}}`);

describe("metadata of RTF", () => {
  it("is what its group \\info says", async () => {
    const fields =
      "{\\title Gr\\'fc\\'dfe \\{x\\} \\u26085 ?}{\\author Zo\\'eb}{\\*\\company No}{\\title other}" +
      "{\\creatim\\yr2026\\mo3\\dy1\\hr8\\min5}{\\revtim\\yr2026\\mo3\\dy2\\hr0\\min0}{\\nofpages9}";
    expect(await info(fields, "one two{\\info{\\author Nobody}}")).toEqual({
      title: "Grüße {x} 日",
      author: "Zoë",
      words: 2,
      characters: 7,
      created_at: "2026-03-01T08:05:00.000Z",
      modified_at: "2026-03-02T00:00:00.000Z",
    });
  });

  it("has no time of zeros, and nothing where nothing is said", async () => {
    const found = await metadataOf("application/rtf", readFileSync(MINUTES));
    expect(found).toEqual({ words: 61, characters: 314, language: expect.any(String) });
    expect(await about("{\\rtf1 a}")).toEqual({ words: 1, characters: 1 });
    expect(await info("{\\creatim\\yr2026\\mo2\\dy30}")).not.toHaveProperty("created_at");
  });

  it("limits the length of a title", async () => {
    const { title } = (await info(`{\\title ${"a".repeat(100_000)}}`)) as { title: string };
    expect(title).toHaveLength(500);
  });
});
