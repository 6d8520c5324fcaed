import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { installPackage } from "../support/package-sources.ts";
import { tempFolder } from "../support/temp-folder.ts";

/** Files of an application, in a folder as npm begins one, with Stowage and some libraries installed. */
export function application(
  files: Readonly<Record<string, string>>,
  ...libraries: readonly string[]
): string {
  const folder = tempFolder();
  installPackage(folder, ...libraries);
  execFileSync("npm", ["init", "-y"], { cwd: folder, stdio: "ignore" });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

/** What a server of its own needs to know, and nothing else of ours. */
export function settings(folder: string): Record<string, string> {
  return {
    PATH: process.env["PATH"] ?? "",
    HOME: folder,
    LOG_LEVEL: "error",
    FILE_STORAGE_PATH: join(folder, "uploads"),
    DATABASE_URL: `sqlite:${join(folder, "stowage.db")}`,
  };
}

/** A port that no one listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Run a file of the folder that serves, until it answers there. */
export async function run(
  folder: string,
  file: string,
  url: string,
): Promise<{ readonly child: ChildProcess; readonly ended: Promise<number | null> }> {
  const child = spawn(process.execPath, [file], {
    cwd: folder,
    env: settings(folder),
    stdio: ["ignore", "ignore", "inherit"],
  });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  while (child.exitCode === null) {
    if (
      await fetch(url).then(
        () => true,
        () => false,
      )
    )
      return { child, ended };
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`It ended with ${child.exitCode}`);
}

/** The session check of an application: who is named by a header. */
export const SESSION = `export async function findUser(request) {
  const name = request.headers.get("x-user");
  return name === null ? null : { id: "user:" + name, team: name };
}
`;
