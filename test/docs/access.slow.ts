import { execFile, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { request } from "node:http";
import { createServer } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test, vi } from "vitest";
import { hasPrograms } from "../support/can-run.ts";
import { installPackage } from "../support/package-sources.ts";
import { ServerProcess } from "../support/server-process.ts";
import { fastFolder } from "../support/temp-folder.ts";
import { blocksOf, writeBlocks } from "./blocks.ts";

const run = promisify(execFile);
const DOCUMENT = "docs/access.md";
const blocks = blocksOf(DOCUMENT);
const block = (name: string) => blocks.find((one) => one.name === name)?.text ?? "";

/** A folder where Stowage is installed, and the settings of a server there. */
function project() {
  const folder = fastFolder();
  installPackage(folder);
  const env = {
    PATH: `${join(folder, "node_modules", ".bin")}:${process.env["PATH"]}`,
    FILE_STORAGE_PATH: join(folder, "uploads"),
    DATABASE_URL: `sqlite:${join(folder, "stowage.db")}`,
  };
  const shell = async (script: string, more: Record<string, string> = {}) =>
    (
      await run("bash", ["-euo", "pipefail", "-c", script], {
        cwd: folder,
        env: { ...env, ...more },
      })
    ).stdout;
  return { folder, env, shell };
}

/** What the blocks export. */
function exported(...names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) =>
      [...block(name).matchAll(/([A-Z_]+)=(\S+)/g)].map(([, variable = "", value = ""]) => [
        ...([variable, value] as const),
      ]),
    ),
  );
}

const statusOf = async (url: string, token: string) =>
  (await fetch(`${url}/api/v1/upload`, { headers: { Authorization: `Bearer ${token}` } })).status;

test("its keys are made, rotated and revoked as it says, beside a server that runs", async () => {
  const { env, shell } = project();
  const server = await ServerProcess.start(env);
  const reported = await shell(`${block("keys")}\necho "$KEY $NEW $OPERATOR"`);
  const [key = "", fresh = "", operator = ""] =
    reported.trimEnd().split("\n").at(-1)?.split(" ") ?? [];
  expect(await statusOf(server.url, fresh)).toBe(200);
  expect([await statusOf(server.url, key), await statusOf(server.url, operator)]).toEqual([
    401, 403,
  ]);
});

test("its token, its page and its limits work with a server that has its settings", async () => {
  const { folder, env, shell } = project();
  writeBlocks(blocks, folder);
  const secret = (await run("openssl", ["rand", "-base64", "48"])).stdout.trim();
  const settings: Record<string, string> = {
    ...exported("limits", "cors"),
    AUTH_JWT_SECRET: secret,
  };
  const server = await ServerProcess.start({ ...env, ...settings });
  const token = (await shell("node token.mjs", { AUTH_JWT_SECRET: secret })).trim();
  // As the browser sends it: with the origin of the page.
  const origin = settings["CORS_ORIGINS"]?.split(",")[0] ?? "";
  const seen: Response[] = [];
  const fetchAsPage: typeof fetch = async (url, init) => {
    const answer = await fetch(url, { ...init, headers: { ...init?.headers, Origin: origin } });
    seen.push(answer);
    return answer;
  };
  const names = ["base", "token", "file", "fetch"];
  const body = `return (async () => { ${block("page.js")}; return place; })()`;
  const call = new Function(...names, body) as (...values: unknown[]) => Promise<string>;
  expect(await call(server.url, token, "%PDF-", fetchAsPage)).toMatch(
    /^\/api\/v1\/upload\/[\w-]+$/,
  );
  expect(seen[0]?.headers.get("Access-Control-Allow-Origin")).toBe(origin);
  expect(seen[0]?.headers.get("RateLimit-Policy")).toBe("600;w=60");
  await shell(block("limits"));
  await vi.waitFor(
    async () => {
      await call(server.url, token, "%PDF-", fetchAsPage);
      expect(seen.at(-1)?.headers.get("RateLimit-Policy")).toBe("6000;w=60");
    },
    { timeout: 10_000, interval: 100 },
  );
});

const hasNginx = hasPrograms(["nginx"], "apt-get install nginx-light");

test.skipIf(!hasNginx)(
  "its nginx reports who is calling, whatever the caller has sent",
  async () => {
    const { folder, env } = project();
    const server = await ServerProcess.start({
      ...env,
      ...exported("proxy"),
      RATE_LIMIT_PER_ADDRESS: "2",
    });
    const url = await startNginx(
      folder,
      block("site").replace("http://127.0.0.1:8000", server.url),
    );
    let calls = 0;
    const from = (localAddress: string) => {
      calls += 1;
      return send(`${url}/api/v1/upload`, localAddress, {
        "X-Forwarded-For": `203.0.113.${calls}`,
      });
    };
    for (const address of ["127.0.0.1", "127.0.0.2"]) {
      const answers = [await from(address), await from(address), await from(address)];
      expect(answers.map(({ statusCode }) => statusCode)).toEqual([401, 401, 429]);
      expect(answers[2]?.headers["strict-transport-security"]).toBe("max-age=31536000");
    }
  },
);

/** nginx with this one site. @returns Where it listens. */
async function startNginx(folder: string, site: string): Promise<string> {
  const port = await freePort();
  const config = `daemon off; master_process off; pid ${folder}/nginx.pid; error_log stderr;
    events {}
    http { access_log off; client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
      fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
      server { listen 127.0.0.1:${port}; ${site} } }`;
  writeFileSync(join(folder, "nginx.conf"), config);
  const child = spawn("nginx", ["-c", join(folder, "nginx.conf")], { stdio: "ignore" });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const url = `http://127.0.0.1:${port}`;
  await vi.waitFor(() => fetch(`${url}/health/live`), { timeout: 10_000, interval: 20 });
  return url;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function send(url: string, localAddress: string, headers: Record<string, string>) {
  return new Promise<import("node:http").IncomingMessage>((resolve, reject) => {
    request(url, { localAddress, headers, agent: false })
      .on("response", (answer) => resolve(answer.resume()))
      .on("error", reject)
      .end();
  });
}
