import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { describeDefault } from "../../src/config/setting.ts";
import { SETTINGS } from "../../src/config/settings.ts";
import { matchesMediaType } from "../../src/domain/media-type.ts";
import { LEGAL_CHANGES, UPLOAD_STATUSES } from "../../src/domain/upload.ts";
import { STATUS } from "../../src/http/problem.ts";
import { BUILT_IN_PROCESSORS } from "../../src/runtime/modules/built-in-processors.ts";
import { blocksOf } from "./blocks.ts";
import { project } from "./project.ts";
import { serveScript } from "./served-script.ts";

const run = promisify(execFile);
const DOCUMENT = "docs/processing.md";
const page = readFileSync(DOCUMENT, "utf8");
const blocks = blocksOf(DOCUMENT);

/** The cells of the table whose first heading is `heading`, row by row, without their backticks. */
function tableOf(heading: string): string[][] {
  const [, , rows = ""] =
    new RegExp(`^\\| ${heading} \\|.*\n(\\|-.*)\n((?:\\|.*\n)+)`, "m").exec(page) ?? [];
  return rows
    .trimEnd()
    .split("\n")
    .map((row) => row.split("|").slice(1, -1))
    .map((cells) => cells.map((cell) => cell.trim().replaceAll("`", "")));
}

test("every block has been seen, and the page is short", () => {
  const names = blocks.map(({ language, name }) => `${language} ${name}`.trim());
  expect(names).toEqual([
    ...["sh", "ts reading-time.ts", "sh", "ts app.ts", "ts reading-time.test.ts"],
    "json package.json",
  ]);
  expect(page.split("\n").length).toBeLessThanOrEqual(226);
});

test("its reasons are all there are", () => {
  const codes = Object.keys(STATUS).filter((code) => /^(document|extractor|processor)_/.test(code));
  expect(
    tableOf("code")
      .flatMap(([code = ""]) => code)
      .toSorted(),
  ).toEqual(codes.toSorted());
});

test("its states are all there are, with all that may follow", () => {
  const visible = UPLOAD_STATUSES.map((status) => [
    status,
    LEGAL_CHANGES[status].filter((next) => next !== "deleting").toSorted(),
  ]);
  const reported = tableOf("status").map(([status, , next = ""]) => [
    status,
    next.split(", ").toSorted(),
  ]);
  expect(reported).toEqual(visible);
});

test("its limits are all settings of processing, with their defaults", () => {
  const settings = Object.entries(SETTINGS)
    .filter(([name]) => name.startsWith("PROCESSING_"))
    .map(([name, setting]) => [name, describeDefault(setting)]);
  const reported = tableOf("setting").map(([name, fallback]) => [name, fallback]);
  expect(reported.toSorted()).toEqual(settings.toSorted());
});

test.each(
  BUILT_IN_PROCESSORS.map(({ name, accepts }) => [name, accepts] as const),
)("its formats are all that %s reads, and no others", (name, accepts) => {
  const headings = /^\| format .*$/m.exec(page)?.[0].split("|") ?? [];
  const column = headings.findIndex((heading) => heading.trim() === `\`${name}\``) - 1;
  const rows = tableOf("format").map(([, types = "", ...said]) => ({
    types: types.split(", "),
    said: said[column - 2],
  }));
  const wrong = rows.flatMap(({ types, said }) =>
    types.filter((type) => said !== (matchesMediaType(type, accepts) ? "yes" : "no")),
  );
  expect(wrong).toEqual([]);
  const reported = rows.flatMap(({ types }) => types);
  expect(accepts.filter((type) => !reported.includes(type))).toEqual([]);
  expect(new Set(reported).size).toBe(reported.length);
});

test("its test passes, and its application runs", async () => {
  const cwd = project(DOCUMENT);
  const [tested, app] = await Promise.all([
    run(process.execPath, ["--test"], { cwd }),
    run(process.execPath, ["app.ts"], { cwd }),
  ]);
  expect(tested.stdout).toMatch(/^(?:#|ℹ) pass 2$/m);
  expect(app.stdout).toBe("");
});

test("the lines for the shell serve with the processor", async () => {
  const folder = project(DOCUMENT);
  const lines = blocks.findLast(({ language }) => language === "sh")?.text ?? "";
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: folder,
    PORT: "0",
    FILE_STORAGE_TYPE: "memory",
    DATABASE_URL: `sqlite:${join(folder, "records.db")}`,
  };
  const served = await serveScript(lines, env, folder);
  const headers = { authorization: `Bearer ${served.key}` };
  const url = `${served.url}/api/v1/upload`;
  const body = "word ".repeat(300);
  const answer = await fetch(`${url}/a.txt`, { method: "PUT", headers, body });
  const { id } = (await answer.json()) as { id: string };
  await (await fetch(`${url}/${id}/events`, { headers })).text();
  const result = await (await fetch(`${url}/${id}/result`, { headers })).json();
  expect(result).toMatchObject({
    status: "processed",
    processors: expect.arrayContaining([
      expect.objectContaining({ name: "reading-time", output: { words: 300, minutes: 2 } }),
    ]),
  });
});
