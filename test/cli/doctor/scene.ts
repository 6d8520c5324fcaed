import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import type { Finding } from "../../../src/cli/doctor/check.ts";
import { SILENT } from "../../../src/domain/ports/logger.ts";
import { SCOPES } from "../../../src/domain/principal.ts";
import { parseTenantId } from "../../../src/domain/tenant.ts";
import { createStowage } from "../../../src/node.ts";
import type { Inspection } from "../../../src/runtime/inspection.ts";
import { inspect } from "../../../src/runtime/node.ts";
import { canRun } from "../../support/can-run.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { stowage } from "../terminal.ts";

export type Env = Record<string, string>;

/** A finding, and the check that made it. */
export type Found = Finding & { readonly check: string };

const MAIN = fileURLToPath(new URL("../../../src/cli/main.ts", import.meta.url));

/** Settings under which all is well, even on a small disk. */
export function settings(folder = tempFolder()): Env & { FILE_STORAGE_PATH: string } {
  return {
    FILE_STORAGE_PATH: join(folder, "uploads"),
    DATABASE_URL: `sqlite:${join(folder, "stowage.db")}`,
    MAX_UPLOAD_BYTES: "1MiB",
    PORT: "0",
  };
}

/** Most tests are about something else, and to start a process takes its time. */
export const WITHOUT_PROCESSING: Partial<Inspection> = { async checkExtraction() {} };

/** Node's real parts, some of them in a state that a test cannot bring about. */
export function inspecting(changes: Partial<Inspection> = {}) {
  return {
    inspect: async (...args: Parameters<typeof inspect>): Promise<Inspection> => ({
      ...(await inspect(...args)),
      ...changes,
    }),
  };
}

/** What `stowage doctor` finds, within this process. */
export async function findings(
  env: Env,
  changes: Partial<Inspection> = WITHOUT_PROCESSING,
): Promise<readonly Found[]> {
  const { out } = await stowage(["doctor", "--json"], { env, runtime: inspecting(changes) });
  return JSON.parse(out).findings;
}

/** What it finds as a program of its own, behind other words: `setpriv --reuid=65534`. */
export function findingsAs(words: readonly string[], env: Env): readonly Found[] {
  const [command = "", ...args] = [...words, process.execPath, MAIN, "doctor", "--json"];
  const { stdout, stderr } = spawnSync(command, args, {
    env: { PATH: process.env["PATH"] ?? "", ...env },
    encoding: "utf8",
    cwd: "/",
  });
  if (stdout === "") throw new Error(stderr);
  return JSON.parse(stdout).findings;
}

/** Those that are not `ok`. */
export function troubles(found: readonly Found[]): readonly Found[] {
  return found.filter(({ status }) => status !== "ok");
}

/** Take one upload, and stop. */
export async function useOnce(env: Env): Promise<void> {
  const service = await createStowage({
    env,
    logger: SILENT,
    async authenticate() {
      const tenant = parseTenantId("acme");
      return { kind: "tenant", tenant, subject: "acme", scopes: new Set(SCOPES) };
    },
  });
  const url = "http://localhost/api/v1/upload/hello.txt";
  const answer = await service.fetch(new Request(url, { method: "PUT", body: "Hello" }));
  await service.close();
  if (answer.status !== 201) throw new Error(await answer.text());
}

/** Run what takes root, in `folder`; whatever `undo` is given is run when the test is over. */
export function mount(args: readonly string[], folder: string): void {
  mkdirSync(folder, { recursive: true });
  const { status, stderr } = spawnSync("mount", [...args, folder], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  onTestFinished(() => void spawnSync("umount", ["-l", folder]));
}

/** Whether this machine lets tests mount filesystems and be other users; says so if it does not. */
export function mayActAsRoot(what: string): boolean {
  const may =
    spawnSync("setpriv", ["--reuid=65534", "--clear-groups", "true"]).status === 0 &&
    spawnSync("unshare", ["--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).status === 0;
  return canRun(may, `${what} take root, to mount filesystems and be other users`);
}
