import { expect, test } from "vitest";
import { BOMBS } from "./corpus.ts";
import { quine } from "./quine.ts";

const NOWHERE = { path: "/nonexistent/canary", url: "http://127.0.0.1:9" };

test("the documents that mean harm each have a name, a type and an end of their own", () => {
  expect(new Set(BOMBS.map(({ name }) => name)).size).toBe(BOMBS.length);
  for (const { contentType, attacks, ends } of BOMBS) {
    expect(contentType).toMatch(/^[a-z]+\/./);
    expect(attacks).not.toBe("");
    expect(ends.length).toBeGreaterThan(0);
  }
});

test("quine() is what is inside it", async () => {
  const bytes = quine("a.zip");
  const nameEnd = 30 + "a.zip".length;
  const inflated = new Response(
    new Blob([bytes.subarray(nameEnd, nameEnd + bytes.readUInt32LE(18))])
      .stream()
      .pipeThrough(new DecompressionStream("deflate-raw")),
  );
  expect(Buffer.from(await inflated.arrayBuffer()).equals(bytes)).toBe(true);
});

test("make() gives the same bytes for the same canary", () => {
  for (const { name, make } of BOMBS.filter(({ name }) => /quine|external|nested/.test(name))) {
    expect(Buffer.from(make(NOWHERE)).equals(Buffer.from(make(NOWHERE))), name).toBe(true);
  }
});
