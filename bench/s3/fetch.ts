/**
 * `node bench/s3/fetch.ts`: what a request costs with each way of sending it, against a plain node:http
 * server in another process. The ways take turns; each figure is the median of some rounds.
 */
import { fork } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { Agent, request, fetch as undiciFetch } from "undici";
import { createNodeFetch } from "../../src/runtime/fetch/node-fetch.ts";
import { inLanes, median, seconds } from "./measure.ts";

const ROUNDS = 5;
const SMALL_BYTES = 1024;
const LARGE_BYTES = 8 * 2 ** 20;

if (process.send === undefined) await compare();
else serve();

/** In a process of its own: takes any body, answers with as many bytes as its path says. */
function serve(): void {
  const bytes = Buffer.alloc(LARGE_BYTES, "x");
  const server = createServer((incoming, outgoing) => {
    incoming.resume().on("end", () => {
      const length = Number(incoming.url?.slice(1));
      outgoing.setHeader("content-length", length).end(bytes.subarray(0, length));
    });
  });
  server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
}

/** Sends `body`, or reads `url`, to the end. */
type Way = (url: string, body: Uint8Array | null) => Promise<void>;

function overFetch(fetch: typeof globalThis.fetch, options: RequestInit = {}): Way {
  return async (url, body) => {
    const answer = await fetch(url, { ...options, method: body === null ? "GET" : "PUT", body });
    let bytes = 0;
    for await (const chunk of answer.body ?? []) bytes += chunk.byteLength;
    if (`/${bytes}` !== new URL(url).pathname) throw new Error(`${bytes} bytes came`);
  };
}

interface Task {
  readonly title: string;
  readonly unit: string;
  readonly lanes: number;
  readonly count: number;
  /** Bytes of the response. */
  readonly answer: number;
  readonly body: Uint8Array | null;
}

/** @returns What each way did in each round. */
async function measure(
  { unit, lanes, count, body }: Task,
  url: string,
  ways: Readonly<Record<string, Way>>,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const figures = new Map<string, number[]>();
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const [name, way] of Object.entries(ways)) {
      const took = await seconds(() => inLanes(lanes, count, () => way(url, body)));
      const amount = unit === "req/s" ? count : (count * LARGE_BYTES) / 2 ** 20;
      // The first round warms up.
      if (round > 0) figures.set(name, [...(figures.get(name) ?? []), amount / took]);
    }
  }
  return figures;
}

function report({ title, unit }: Task, figures: ReadonlyMap<string, readonly number[]>): void {
  process.stdout.write(`\n${title} (${unit}, median of ${ROUNDS})\n`);
  for (const [name, values] of figures) {
    const ratio = median(values) / median(figures.get("undici.request") ?? []);
    const figure = median(values).toFixed(0).padStart(7);
    process.stdout.write(`  ${name.padEnd(16)}${figure}  × ${ratio.toFixed(2)}\n`);
  }
}

async function compare(): Promise<void> {
  const child = fork(fileURLToPath(import.meta.url));
  const port = await new Promise((resolve) => child.once("message", resolve));
  const own = createNodeFetch();
  const agent = new Agent();
  const ways: Record<string, Way> = {
    "undici.request": async (url, body) => {
      const method = body === null ? "GET" : "PUT";
      const answer = await request(url, { method, body, dispatcher: agent });
      for await (const _ of answer.body);
    },
    "our fetch": overFetch(own.fetch),
    "undici.fetch": overFetch(undiciFetch as unknown as typeof fetch, { redirect: "error" }),
    "built-in fetch": overFetch(fetch, { redirect: "error" }),
  };
  const small = new Uint8Array(SMALL_BYTES);
  const large = new Uint8Array(LARGE_BYTES);
  const tasks: readonly Task[] = [
    {
      title: "GET 1 KiB × 16",
      unit: "req/s",
      lanes: 16,
      count: 4000,
      answer: SMALL_BYTES,
      body: null,
    },
    { title: "PUT 1 KiB × 16", unit: "req/s", lanes: 16, count: 4000, answer: 0, body: small },
    { title: "GET 8 MiB × 4", unit: "MiB/s", lanes: 4, count: 48, answer: LARGE_BYTES, body: null },
    { title: "PUT 8 MiB × 4", unit: "MiB/s", lanes: 4, count: 48, answer: 0, body: large },
  ];
  for (const task of tasks) {
    const url = `http://127.0.0.1:${port}/${task.answer}`;
    report(task, await measure(task, url, ways));
  }
  await Promise.all([own.close(), agent.close()]);
  child.kill();
}
