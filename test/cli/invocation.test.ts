import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { invocation } from "../../src/cli/invocation.ts";
import { tempFolder } from "../support/temp-folder.ts";

const run = promisify(execFile);

it.each([
  ["stowage", "a shell", {}],
  ["npm run stowage --", "npm start", script("stowage", "start", "start")],
  ["npm run stowage --", "npm run stowage", script("stowage", "stowage", "run-script")],
  ["npx stowage", "a script of someone's", script("shop", "start", "start")],
  ["npx stowage", "npx", script("shop", "npx", "exec")],
  ["npx stowage", "npx in a folder named alike", script("stowage", "npx", "exec")],
])("invocation() is %s under %s", (words, _caller, env) => {
  expect(invocation(env)).toBe(words);
});

it("npm start names a command that runs as it is printed", async () => {
  const folder = tempFolder();
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: folder,
    PORT: "0",
    FILE_STORAGE_PATH: "/dev/null/uploads",
    DATABASE_URL: `sqlite:${join(folder, "stowage.db")}`,
  };
  const { stderr } = await run("npm", ["start"], { env }).catch((error) => error);
  const hint = /^Try: (.+)$/m.exec(stderr)?.[1] ?? expect.unreachable(stderr);
  const { stdout } = await run("bash", ["-c", hint], { env }).catch((error) => error);
  expect(stdout).toContain("\nStorage local:/dev/null/uploads\n  fail  ");
});

function script(name: string, event: string, command: string): Record<string, string> {
  return { npm_package_name: name, npm_lifecycle_event: event, npm_command: command };
}
