import { execFile, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { tempFolder } from "./support/temp-folder.ts";

const run = promisify(execFile);
const readme = readFileSync("README.md", "utf8");

/** The shell blocks under a heading. */
function shellBlocks(heading: string): string[] {
  const section = readme.split(/^## /m).find((part) => part.startsWith(heading)) ?? "";
  return [...section.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? "");
}

function settings(folder: string): Record<string, string> {
  return {
    PATH: process.env["PATH"] ?? "",
    HOME: folder,
    PORT: "0",
    FILE_STORAGE_PATH: join(folder, "uploads"),
    DATABASE_URL: `sqlite:${join(folder, "stowage.db")}`,
  };
}

/** Run a script as it stands, but for the address; an HTTP error ends it. */
async function shell(script: string, env: Record<string, string>): Promise<string> {
  const strict = `set -euo pipefail\ncurl() { command curl --fail-with-body "$@"; echo; }\n${script}`;
  const { stdout } = await run("bash", ["-c", strict], { env });
  return stdout;
}

/** `npm start`, until it has told where it listens and what to try. */
async function npmStart(folder: string): Promise<{ url: string; welcome: string }> {
  const child = spawn("npm", ["start"], {
    env: settings(folder),
    stdio: ["ignore", "pipe", "ignore"],
    detached: true,
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  onTestFinished(async () => {
    // The whole group: npm is only the parent of the server.
    if (child.pid !== undefined) process.kill(-child.pid, "SIGTERM");
    await ended;
  });
  let welcome = "";
  for await (const text of child.stdout.setEncoding("utf8")) {
    welcome += text;
    const url = /listens on (http:\S+)/.exec(welcome)?.[1];
    if (url !== undefined) return { url, welcome };
  }
  throw new Error(`npm start ended: ${welcome}`);
}

test("npm start prints a key and a curl line that works as printed, and the upload lines work", async () => {
  const folder = tempFolder();
  const { url, welcome } = await npmStart(folder);
  const key = /^ {2}(stw_\S+)$/m.exec(welcome)?.[1] ?? "";
  const line = /^ {2}(echo .*curl .*)$/m.exec(welcome)?.[1] ?? "";
  const env = { ...settings(folder), KEY: key };
  expect(JSON.parse(await shell(line, env))).toMatchObject({ filename: "hello.txt", size: 15 });

  const [, uploads = ""] = shellBlocks("Serve");
  expect(uploads).toContain("curl -sS");
  const out = await shell(uploads.replaceAll("http://127.0.0.1:8000", url), env);
  expect(out).toContain('"filename":"resume.pdf"');
  expect(out).toContain('"filename":"letter.docx"');
  expect(out).toContain('"processors":[');
});

test("the lines about keys make a key and list it", async () => {
  const [commands = ""] = shellBlocks("Keys");
  const out = await shell(commands, settings(tempFolder()));
  expect(out).toMatch(/stw_[0-9a-f]{16}_/);
  expect(out).toContain("acme");
});

test("the two commands are what .ci/run runs", () => {
  const [demo, suite] = shellBlocks("Two commands");
  expect(demo).toContain("npm ci && npm run demo");
  expect(suite).toContain("npm ci && npm test");
  const ci = readFileSync(".ci/run", "utf8");
  for (const command of ["npm ci", "npm test", "npm run demo"])
    expect(ci).toContain(`\n${command}\n`);
});

test("every document that the README links to is there", () => {
  for (const [, path = ""] of readme.matchAll(/\]\((?!https?:|#)([^)#]+)\)/g)) {
    expect(() => readFileSync(path), path).not.toThrow(/ENOENT/);
  }
});
