import { expect, test } from "vitest";
import { blocksOf } from "./blocks.ts";
import { serveBlock } from "./embedded.ts";
import { librariesOf } from "./project.ts";

const blocks = blocksOf("docs/embedding.md");

test.each(["express", "fastify"])("the block for %s serves as it is written", async (library) => {
  const block = blocks.find(({ name }) => name === `${library}.mjs`) ?? expect.unreachable();
  const lines = blocks.findLast(({ language }) => language === "sh")?.text ?? "";
  expect(lines).toContain(" express # or fastify");
  // It makes a tenant of a header that is not there; the log says that this is its bug.
  await serveBlock(block, librariesOf(lines.replace("express", library)), 500);
});
