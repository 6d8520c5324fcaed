import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { blocksOf } from "./blocks.ts";
import { project } from "./project.ts";
import { serveScript } from "./served-script.ts";

const run = promisify(execFile);
const DOCUMENT = "docs/drivers.md";
const blocks = blocksOf(DOCUMENT);

test("every block has been seen, and the page is short", () => {
  const names = blocks.map(({ language, name }) => `${language} ${name}`.trim());
  expect(names).toEqual([
    ...["sh", "ts shelf.ts", "ts faults.ts", "sh", "ts app.ts", "ts shelf.test.ts"],
    "json package.json",
  ]);
  expect(readFileSync(DOCUMENT, "utf8").split("\n").length).toBeLessThanOrEqual(220);
});

test("the page shows the example as it is", () => {
  const shown = blocks.find(({ name }) => name === "shelf.ts")?.text;
  expect(shown).toBe(readFileSync("examples/custom-driver/shelf.ts", "utf8"));
});

test("app.ts and faults.ts run as they are written", async () => {
  const cwd = project(DOCUMENT);
  const [app, faults] = await Promise.all(
    ["app.ts", "faults.ts"].map((file) => run(process.execPath, [file], { cwd })),
  );
  expect(app?.stdout).toBe("healthy\n");
  expect(faults?.stdout).toBe("");
});

test("the lines for the shell serve with the driver", async () => {
  const folder = project(DOCUMENT);
  const lines = blocks.findLast(({ language }) => language === "sh")?.text ?? "";
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: folder,
    PORT: "0",
    DATABASE_URL: `sqlite:${join(folder, "records.db")}`,
  };
  const { url, key } = await serveScript(lines, env, folder);
  const headers = { authorization: `Bearer ${key}` };
  const put = { method: "PUT", headers, body: "Hello" };
  const answer = await fetch(`${url}/api/v1/upload/hello.txt`, put);
  expect(answer.status).toBe(201);
  const { id } = (await answer.json()) as { id: string };
  const file = await fetch(`${url}/api/v1/upload/${id}/file`, { headers });
  expect(await file.text()).toBe("Hello");
  expect(readFileSync(join(folder, "shelf.db")).includes("hello.txt")).toBe(true);
});
