import { execFile } from "node:child_process";
import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { ServerProcess } from "../support/server-process.ts";
import { application, settings } from "./application.ts";
import { type Block, blocksOf } from "./blocks.ts";

const run = promisify(execFile);
const DOCUMENT = "docs/client.md";
const blocks = blocksOf(DOCUMENT);

test("the page is short", () => {
  const names = blocks.map(({ language, name }) => `${language} ${name}`);
  expect(names).toEqual(["js client.mjs", "ts hc.mts"]);
  expect(readFileSync(DOCUMENT, "utf8").split("\n").length).toBeLessThanOrEqual(110);
});

test("the blocks run as they are written, but for the address", async () => {
  const [client = expect.unreachable(), hc = expect.unreachable()] = blocks;
  const folder = application({}, "hono");
  const server = await ServerProcess.start({ ...settings(folder), LOG_LEVEL: "info" });
  const at = ({ text }: Block): string => text.replace("http://127.0.0.1:8000", server.url);
  const files = application({ [client.name]: at(client), [hc.name]: at(hc) }, "hono");
  copyFileSync("examples/demo/resume.pdf", join(files, "resume.pdf"));
  const env = { KEY: readFileSync(join(folder, "first-api-key"), "utf8").trim() };
  const { stdout, stderr } = await run(process.execPath, [client.name], { cwd: files, env });
  expect(stdout.split("\n")).toEqual([
    ...["processed true", "resume.pdf", "%PDF", "upload_not_found 404", ""],
  ]);
  const size = readFileSync("examples/demo/resume.pdf").byteLength;
  expect(stderr).toContain(`${size} ${size}\n`);
  expect((await run(process.execPath, [hc.name], { cwd: files, env })).stdout).toBe("0 null\n");
});
