import { createServer } from "node:net";
import type { Config } from "../../config.ts";
import type { Check, DoctorContext, Finding } from "./check.ts";

/** A server on this machine responds at once. */
const ANSWER_MS = 1_000;

const ALL_INTERFACES = /^(?:0\.0\.0\.0|::|\[::\])$/;
const LOOPBACK = /^(?:127\.|localhost$|::1$|\[::1\]$)/;

/** Whether the server can listen there, and how exposed it is. */
export const addressCheck: Check = {
  title: "Address",
  async *run(context) {
    yield await listening(context);
    yield* exposureFindings(context.config);
  },
};

async function listening({ config }: DoctorContext): Promise<Finding> {
  const { host, port } = config.server;
  const place = `${host}:${port}`;
  const code = await tryToListen(host, port);
  if (code === null) {
    const text = port === 0 ? `any free port of ${host}` : `${place} is free`;
    return { status: "ok", text };
  }
  if (code === "EADDRINUSE" && (await isOurs(host, port))) {
    return { status: "ok", text: `stowage is running at ${place}` };
  }
  const [found, advice] = REASONS[code] ?? [
    `cannot be listened on (${code})`,
    "correct HOST, PORT",
  ];
  return {
    status: "fail",
    text: `${place}: ${found}`,
    advice: advice.replaceAll("%PORT", String(port)),
  };
}

const REASONS: Readonly<Record<string, readonly [found: string, advice: string]>> = {
  EADDRINUSE: [
    "another program is listening there",
    "set another PORT, or find the program: sudo ss -ltnp 'sport = :%PORT'",
  ],
  EACCES: ["ports below 1024 are for root", "set PORT=8000, and put a proxy in front"],
  EADDRNOTAVAIL: [
    "this machine has no such address",
    "set HOST=127.0.0.1 for this machine alone, or HOST=0.0.0.0 for all its addresses; to list them: ip -br addr",
  ],
  ENOTFOUND: ["the name cannot be resolved", "set HOST to an address of this machine: ip -br addr"],
};

/** @returns `null` on success, else the error code. Connections are closed at once. */
async function tryToListen(host: string, port: number): Promise<string | null> {
  const server = createServer((socket) => socket.destroy());
  const { promise, resolve } = Promise.withResolvers<string | null>();
  server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  server.listen({ port, host: host.replace(/^\[(.*)\]$/, "$1") }, () => resolve(null));
  const code = await promise;
  if (code === null) await new Promise((closed) => server.close(closed));
  return code;
}

async function isOurs(host: string, port: number): Promise<boolean> {
  const name = ALL_INTERFACES.test(host) ? "127.0.0.1" : host;
  const url = `http://${name.includes(":") && !name.startsWith("[") ? `[${name}]` : name}:${port}/api/v1/health/live`;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS) });
    const { status } = (await response.json()) as { readonly status?: unknown };
    return response.status === 200 && status === "alive";
  } catch {
    return false;
  }
}

function* exposureFindings({ production, server }: Config): Iterable<Finding> {
  const { host, port, publicUrl, trustProxy, corsOrigins, requestsPerMinute } = server;
  const isPublic = !LOOPBACK.test(host);
  if (publicUrl === null ? production && isPublic : isPlain(publicUrl)) {
    const now = publicUrl === null ? "PUBLIC_URL is not set" : `PUBLIC_URL is ${publicUrl}`;
    yield {
      status: "warn",
      text: `${now}, and stowage itself speaks plain HTTP: anyone on the network path can read keys and files`,
      advice: `put a proxy that speaks TLS in front (Caddy: caddy reverse-proxy --from files.example.com --to 127.0.0.1:${port}) and set PUBLIC_URL=https://files.example.com`,
    };
  }
  if (trustProxy > 0 && ALL_INTERFACES.test(host)) {
    yield {
      status: "warn",
      text: `TRUST_PROXY=${trustProxy}, and anyone can reach port ${port} without the proxy: callers can forge X-Forwarded-For, and with it the address that rate limits use`,
      advice: `set HOST=127.0.0.1 if the proxy runs on this machine, or let a firewall admit only the proxy to port ${port}`,
    };
  }
  if (trustProxy === 0 && publicUrl !== null && requestsPerMinute.address !== null) {
    yield {
      status: "warn",
      text: "RATE_LIMIT_PER_ADDRESS is set with TRUST_PROXY=0: behind a proxy every caller has the proxy's address, and all share one limit",
      advice: "set TRUST_PROXY to the number of proxies in front: 1, as a rule",
    };
  }
  if (corsOrigins.includes("*")) {
    yield {
      status: "warn",
      text: "CORS_ORIGINS=*: scripts on any website may call with any key they get hold of",
      advice: "name the pages that need it: CORS_ORIGINS=https://app.example.com",
    };
  }
}

function isPlain(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === "http:" && !LOOPBACK.test(hostname);
}
