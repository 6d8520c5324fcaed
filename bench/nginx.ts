import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { freePort } from "./free-port.ts";
import type { ServerProcess } from "./server-process.ts";

/** Why there is none, or `null`. */
export function nginxMissing(): string | null {
  const { error } = spawnSync("nginx", ["-v"]);
  return error === undefined
    ? null
    : "nginx is not installed (Debian: apt-get install nginx-light)";
}

/** nginx with one worker, sendfile and no log, serving the files in `folder`. */
export async function startNginx(folder: string, scratch: string): Promise<ServerProcess> {
  const port = await freePort();
  const config = join(scratch, "nginx.conf");
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${join(scratch, name)};`,
  );
  await writeFile(
    config,
    `daemon off; master_process off; pid ${join(scratch, "nginx.pid")}; error_log stderr crit;
${process.getuid?.() === 0 ? "user root;" : ""}
events { worker_connections 1024; }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; default_type application/octet-stream;
  ${temporary.join(" ")}
  server { listen 127.0.0.1:${port}; root ${folder}; }
}
`,
  );
  const child = spawn("nginx", ["-c", config, "-p", scratch], { stdio: "inherit" });
  const ended = once(child, "exit");
  while (child.exitCode === null && !(await answers(port))) await after(10);
  return {
    port,
    key: "",
    pid: child.pid ?? 0,
    lagP99Ms: async () => null,
    async stop() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  const { promise, resolve } = Promise.withResolvers<boolean>();
  socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
  const does = await promise;
  socket.destroy();
  return does;
}
