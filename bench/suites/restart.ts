import { spawn } from "node:child_process";
import { once } from "node:events";
import { request } from "node:http";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { LIMIT, STOWAGE } from "../compete.ts";
import { freePort } from "../free-port.ts";
import { median } from "../s3/measure.ts";
import { seed } from "../seed.ts";
import { startServer } from "../server-process.ts";
import { type Options, Scene, STOWAGE_FLAGS, type Suite } from "../suite.ts";

const PATIENCE_MS = 2;

interface Party {
  readonly name: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Asked until it answers 200. */
  readonly path: string;
}

/** From the start of a process to the first request that it answers well. */
export const restartSuite: Suite = {
  name: "restart",
  about: `limit: Node and its own HTTP server, nothing else; node + hono: a bare Hono app
stowage: as npm start runs it, until /health/ready says 200`,
  scenarios: ["restart to ready"],

  async run(_, options, report) {
    const scene = new Scene(options.folder);
    try {
      const parties = await prepare(scene, options);
      const took = new Map<string, number[]>(parties.map(({ name }) => [name, []]));
      for (const party of parties) await restart(party);
      for (let round = 0; round < options.rounds; round += 1) {
        for (const party of parties) took.get(party.name)?.push(await restart(party));
      }
      const limit = took.get(LIMIT) ?? [];
      report.add(
        parties.map(({ name }) => {
          const own = took.get(name) ?? [];
          const ratio = median(own.map((ms, round) => ms / (limit[round] ?? ms)));
          return {
            scenario: "restart to ready",
            contender: name,
            unit: "ms",
            figure: median(own),
            ratios: name === LIMIT ? {} : { [LIMIT]: ratio },
          };
        }),
      );
    } finally {
      await scene.end();
    }
  },
};

async function prepare(scene: Scene, { records }: Options): Promise<readonly Party[]> {
  const stowage = async (count: number): Promise<Party> => {
    const folder = await scene.folder();
    // The first start makes storage, database and key.
    await (await startServer("stowage.ts", folder)).stop();
    await seed(folder, count);
    return {
      name: `${STOWAGE}, ${count} records`,
      command: [...STOWAGE_FLAGS, pathOf("../../src/cli/main.ts"), "serve"],
      env: {
        FILE_STORAGE_PATH: join(folder, "uploads"),
        DATABASE_URL: `sqlite:${join(folder, "stowage.db")}`,
        LOG_LEVEL: "warn",
        LOG_FORMAT: "json",
      },
      path: "/health/ready",
    };
  };
  const files = await scene.folder();
  const bare = `require("node:http").createServer((_, a) => a.end()).listen(process.env.PORT, "127.0.0.1")`;
  return [
    { name: LIMIT, command: ["-e", bare], path: "/" },
    { name: "node + hono", command: [pathOf("../servers/hono.ts"), files], path: "/health/live" },
    await stowage(0),
    await stowage(records),
  ];
}

/** @returns Milliseconds. */
async function restart({ command, env, path }: Party): Promise<number> {
  const port = await freePort();
  const startedAt = performance.now();
  const child = spawn(process.execPath, command, {
    env: { ...process.env, ...env, PORT: String(port) },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const ended = once(child, "exit");
  while (!(await answersWell(port, path))) {
    if (child.exitCode !== null) throw new Error(`It ended with ${child.exitCode}`);
    await after(PATIENCE_MS);
  }
  const ms = performance.now() - startedAt;
  child.kill("SIGKILL");
  await ended;
  return ms;
}

async function answersWell(port: number, path: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  request({ port, path, host: "127.0.0.1", agent: false })
    .on("response", (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    })
    .on("error", () => resolve(false))
    .end();
  return await promise;
}

function pathOf(module: string): string {
  return fileURLToPath(new URL(module, import.meta.url));
}
