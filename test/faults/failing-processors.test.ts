import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ApiClient } from "../support/api-client.ts";
import { ServerProcess } from "../support/server-process.ts";
import { tempFolder } from "../support/temp-folder.ts";

const CANARY = "canary-9731";

/** Fails over every text, and quotes it as parsers do. */
const QUOTES = `
class QuotingError extends Error {
  name = "QuotingError";
}
function parse(text) {
  throw new QuotingError(\`unexpected "\${text}"\\n    at \${text} (file:///a.js:1:2)\`, {
    cause: Object.assign(new RangeError(text), { code: "ERR_QUOTED" }),
  });
}
export default {
  name: "quotes",
  version: "1",
  accepts: ["text/plain"],
  async process(input) {
    return parse(await input.text());
  },
  [Symbol.for("stowage.processor")]: 1,
};
`;

async function start() {
  const folder = tempFolder();
  const module = join(folder, "quotes.mjs");
  writeFileSync(module, QUOTES);
  const server = await ServerProcess.start({
    FILE_STORAGE_PATH: join(folder, "uploads"),
    DATABASE_URL: `sqlite:${join(folder, "stowage.db")}`,
    STOWAGE_PROCESSORS: module,
  });
  const key = readFileSync(join(folder, "first-api-key"), "utf8").trim();
  const api = new ApiClient(server.url, key);
  /** Process one upload. @returns Its log lines. */
  const process = async (name: string, bytes: Uint8Array) => {
    const finished = server.nextLog("processing.finished");
    const id = await api.put(name, bytes, "?auto_process=true");
    await finished;
    const lines = server.log.filter(({ uploadId }) => uploadId === id);
    const own = lines.filter(({ event }) => String(event).startsWith("processing."));
    return { id, logged: own.map(({ time: _, durationMs: __, ...line }) => line) };
  };
  return { server, process };
}

test("a processor that fails is one warning with its cause, and nothing of the document", async () => {
  const { server, process } = await start();
  const { id, logged } = await process("letter.txt", Buffer.from(CANARY));
  const facts = { uploadId: id, tenantId: "default", attempt: 1, outcome: "failed" };
  const frame = expect.stringMatching(/^at parse \(file:.*quotes\.mjs:\d+:\d+\)$/);
  const stack = expect.arrayContaining([frame]);
  expect(logged).toEqual([
    {
      level: "warn",
      event: "processing.failed",
      ...facts,
      processor: "quotes",
      code: "processor_failed",
      cause: [
        { name: "QuotingError", stack },
        { name: "RangeError", code: "ERR_QUOTED", stack },
      ],
    },
    { level: "info", event: "processing.finished", ...facts, errorCode: "processor_failed" },
  ]);
  expect(JSON.stringify(server.log)).not.toContain(CANARY);
  expect(JSON.stringify(server.log)).not.toContain("letter");
  await server.kill("SIGTERM");
});

test("a document that cannot be read is one warning for each processor that failed", async () => {
  const { server, process } = await start();
  const bytes = readFileSync("test/fixtures/encrypted.pdf");
  const { id, logged } = await process("secret.pdf", bytes);
  const facts = { uploadId: id, tenantId: "default", attempt: 1, outcome: "failed" };
  const code = "document_encrypted";
  const line = { level: "warn", event: "processing.failed", ...facts, code };
  expect(logged).toMatchObject([
    { ...line, processor: "text" },
    { ...line, processor: "metadata" },
    { level: "info", event: "processing.finished", ...facts, errorCode: code },
  ]);
  for (const { cause } of logged.slice(0, -1)) expect(JSON.stringify(cause)).not.toContain("stack");
  await server.kill("SIGTERM");
});
