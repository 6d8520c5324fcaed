import { execFile } from "node:child_process";
import { copyFileSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { application, freePort, run as runApplication, SESSION } from "./docs/application.ts";
import { blocksOf } from "./docs/blocks.ts";
import { librariesOf } from "./docs/project.ts";
import { serveScript } from "./docs/served-script.ts";
import { startStrictS3 } from "./s3/strict-server.ts";
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

/** The repository under another roof: what a server writes to its working directory stays out of ours. */
function checkout(): string {
  const folder = tempFolder();
  for (const name of ["package.json", "node_modules", "src", "drivers", "processors", "examples"]) {
    symlinkSync(resolve(name), join(folder, name));
  }
  return folder;
}

/** Serve as a block of the README says, and upload something. @returns The working directory. */
async function uploadTo(block: string, more: Record<string, string> = {}): Promise<string> {
  const cwd = checkout();
  const env = { PATH: process.env["PATH"] ?? "", HOME: cwd, PORT: "0", ...more };
  const { url, key } = await serveScript(block, env, cwd);
  const answer = await fetch(`${url}/api/v1/upload/hello.txt`, {
    method: "PUT",
    headers: { authorization: `Bearer ${key}` },
    body: "Hello",
  });
  expect(answer.status).toBe(201);
  return cwd;
}

const [local = "", inS3 = "", ofOnesOwn = ""] = shellBlocks("Where the files go");

test("the block for local disk keeps a file there", async () => {
  const folder = await uploadTo(local);
  const files = readdirSync(join(folder, "storage/uploads/default"), { recursive: true });
  expect(files).toContainEqual(expect.stringMatching(/hello\.txt$/));
});

test("the block for S3 keeps a file in the bucket that it names", async () => {
  const s3 = await startStrictS3({ region: "eu-west-1" });
  onTestFinished(() => s3.stop());
  s3.addKey({ accessKeyId: "my-key-id", secretAccessKey: "my-secret" });
  const bucket = await s3.makeBucket("my-uploads");
  await uploadTo(inS3, { AWS_ENDPOINT_URL_S3: s3.endpoint });
  expect(s3.objects(bucket)).toContainEqual(
    expect.objectContaining({ key: expect.stringMatching(/^uploads\/default\/.*\/hello\.txt$/) }),
  );
});

test("the block for a driver of one's own keeps a file with that driver", async () => {
  const folder = await uploadTo(ofOnesOwn);
  expect(readFileSync(join(folder, "shelf.db")).includes("hello.txt")).toBe(true);
});

test("npm start prints a key and a curl line that works as printed, and the upload lines work", async () => {
  const folder = tempFolder();
  const { url, key, said } = await serveScript("npm start", settings(folder));
  const line = /^ {2}(echo .*curl .*)$/m.exec(said)?.[1] ?? "";
  const env = { ...settings(folder), KEY: key };
  expect(JSON.parse(await shell(line, env))).toMatchObject({ filename: "hello.txt", size: 15 });

  const [, uploads = ""] = shellBlocks("Serve");
  expect(uploads).toContain("curl -sS");
  const out = await shell(uploads.replaceAll("http://127.0.0.1:8000", url), env);
  expect(out).toContain('"filename":"resume.pdf"');
  expect(out).toContain('"filename":"letter.docx"');
  expect(out).toContain('"processors":[');
  expect(out).toContain("event: processed");
  expect(out).toContain("Råö stands 46 m above the sea");
});

test("the lines about keys make a key and list it", async () => {
  const [commands = ""] = shellBlocks("Keys");
  const out = await shell(commands, settings(tempFolder()));
  expect(out).toMatch(/stw_[0-9a-f]{16}_/);
  expect(out).toContain("acme");
});

test("the lines about limits set those of one tenant, and show them", async () => {
  const [commands = ""] = shellBlocks("Limits");
  const env = settings(tempFolder());
  const out = await shell(commands, env);
  expect(out).toContain("image/*");
  const shown = await shell("npm run -s stowage -- tenant show acme --json", env);
  expect(JSON.parse(shown)).toMatchObject({ limits: { quota_bytes: 10 * 2 ** 30 } });
});

test("the application and the client run as they are written, but for the port", async () => {
  const port = await freePort();
  const named = blocksOf("README.md").filter(({ name }) => name !== "");
  const files = Object.fromEntries(
    named.map(({ name, text }) => [name, text.replace("3000", String(port))]),
  );
  expect(Object.keys(files)).toEqual(["server.mjs", "client.mjs"]);
  const [install = ""] = shellBlocks("In your application");
  const folder = application({ ...files, "session.mjs": SESSION }, ...librariesOf(install));
  copyFileSync("examples/demo/resume.pdf", join(folder, "resume.pdf"));
  await runApplication(folder, "server.mjs", `http://127.0.0.1:${port}`);
  const { stdout } = await run(process.execPath, ["client.mjs"], { cwd: folder });
  const size = readFileSync("examples/demo/resume.pdf").byteLength;
  expect(stdout).toContain(`${size} of ${size}\n`);
  expect(stdout).toMatch(/^processed .+/m);
  expect(readdirSync(join(folder, "uploads"))).toContain("ann");
});

test("the commands of the quick start are what .ci/run runs", () => {
  const [demo, suite] = shellBlocks("Quick start");
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
