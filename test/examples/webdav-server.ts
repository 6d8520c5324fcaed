import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { canRun } from "../support/can-run.ts";

/** Debian: apt-get install apache2-bin */
const APACHE = "/usr/sbin/apache2";
const MODULES = "/usr/lib/apache2/modules";

/** Whether tests that need a WebDAV server can run. */
export function hasWebdavServer(): boolean {
  const found = existsSync(APACHE) && existsSync(join(MODULES, "mod_dav_fs.so"));
  return canRun(found, `${APACHE} with mod_dav not found (apt-get install apache2-bin)`);
}

export interface WebdavServer {
  /** With a slash at its end. */
  readonly url: string;
  readonly user: string;
  readonly password: string;
  /** Where it keeps its files. */
  readonly files: string;
  close(): Promise<void>;
}

/** Apache with mod_dav over an empty folder below `folder`. */
export async function startWebdavServer(folder: string): Promise<WebdavServer> {
  const [user, password] = ["acme", "p@ss wörd"];
  const files = join(folder, "files");
  const port = await freePort();
  for (const path of [files, join(folder, "state")]) mkdirSync(path);
  // Started by root it serves as nobody, who has to get there.
  for (const path of [files, join(folder, "state")]) chmodSync(path, 0o777);
  chmodSync(folder, 0o755);
  const digest = createHash("sha1").update(password).digest("base64");
  writeFileSync(join(folder, "users"), `${user}:{SHA}${digest}\n`);
  writeFileSync(join(folder, "apache.conf"), configuration(folder, files, port));
  const child = spawn(APACHE, ["-f", join(folder, "apache.conf"), "-DFOREGROUND"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const lines: string[] = [];
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      lines.push(line);
      if (line.includes("resuming normal operations")) resolve();
    });
    child.once("error", reject);
    void ended.then(() => reject(new Error(`Apache ended: ${lines.join("\n")}`)));
  });
  return {
    ...{ url: `http://127.0.0.1:${port}/`, user, password, files },
    async close() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

function configuration(folder: string, files: string, port: number): string {
  const modules = [
    ...["mpm_event", "authn_core", "authn_file", "authz_core", "authz_user", "auth_basic"],
    ...["dav", "dav_fs"],
  ];
  return [
    ...modules.map((name) => `LoadModule ${name}_module ${MODULES}/mod_${name}.so`),
    "ServerName localhost",
    `Listen 127.0.0.1:${port}`,
    ...(process.getuid?.() === 0 ? ["User nobody", "Group nogroup"] : []),
    `PidFile ${folder}/apache.pid`,
    // A pipe of Node is a socket, which cannot be opened by its name.
    `ErrorLog "||/bin/cat"`,
    `DocumentRoot ${files}`,
    `DavLockDB ${folder}/state/locks`,
    `<Directory ${files}>`,
    "Dav On",
    "AuthType Basic",
    "AuthName files",
    `AuthUserFile ${folder}/users`,
    "Require valid-user",
    "</Directory>",
    "",
  ].join("\n");
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("No port is free");
  return address.port;
}
