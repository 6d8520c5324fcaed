import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";
import { totalmem } from "node:os";
import { describe, expect, it, onTestFinished } from "vitest";
import { loadConfig } from "../../../src/config.ts";
import { serve } from "../../../src/runtime/node.ts";
import { findings, findingsAs, settings, troubles, useOnce, WITHOUT_PROCESSING } from "./scene.ts";

const SECRET = "b5Y0qkCq7nT2xW9zL4vR8mJ1hF6dS3aP";

/** Occupy a free port of loopback. */
async function occupy(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return String((server.address() as AddressInfo).port);
}

describe("stowage doctor on the clock", () => {
  const at = (now: number) => ({ ...WITHOUT_PROCESSING, clock: { now: () => now } });

  it("fails in a year that cannot be", async () => {
    for (const [now, year] of [
      [0, "1970-01-01 00:00"],
      [Date.UTC(2107, 1, 3), "2107-02-03 00:00"],
    ] as const) {
      expect(troubles(await findings(settings(), at(now)))).toEqual([
        {
          check: "Clock",
          status: "fail",
          text: `this machine's clock says ${year} UTC: tokens and keys will count as expired or not yet valid`,
          advice:
            "set the clock of this machine: sudo timedatectl set-ntp true; to see it: date -u",
        },
      ]);
    }
  });

  it("warns where it is earlier than the newest upload", async () => {
    const env = settings();
    await useOnce(env);
    expect(troubles(await findings(env, at(Date.now() - 90 * 60_000)))).toMatchObject([
      {
        check: "Clock",
        status: "warn",
        text: expect.stringMatching(/newest upload was made 90 min later/),
      },
    ]);
  });
});

describe("stowage doctor on the address", () => {
  it("distinguishes our own server from another program", async () => {
    const env = settings();
    const config = loadConfig(env);
    const server = await serve(config, { out: () => {}, err: () => {}, isTerminal: false });
    onTestFinished(() => server.close());
    const ours = await findings({ ...env, PORT: new URL(server.url).port });
    expect(troubles(ours)).toEqual([]);
    expect(ours).toContainEqual(
      expect.objectContaining({ text: `stowage is running at ${new URL(server.url).host}` }),
    );
    const web = createHttpServer((_, response) => response.end('{"status":"ok"}'));
    const port = await occupy(web);
    expect(troubles(await findings({ ...settings(), PORT: port }))).toEqual([
      {
        ...{
          check: "Address",
          status: "fail",
          text: `127.0.0.1:${port}: another program is listening there`,
        },
        advice: `set another PORT, or find the program: sudo ss -ltnp 'sport = :${port}'`,
      },
    ]);
  });

  it("does not wait for a program that never answers", async () => {
    const port = await occupy(createServer(() => {}));
    expect(troubles(await findings({ ...settings(), PORT: port }))).toMatchObject([
      { text: `127.0.0.1:${port}: another program is listening there` },
    ]);
  });

  it("reports an address that this machine does not have", async () => {
    // RFC 5737, 3: documentation, no one's.
    expect(troubles(await findings({ ...settings(), HOST: "192.0.2.1" }))).toMatchObject([
      { status: "fail", text: "192.0.2.1:0: this machine has no such address" },
    ]);
    expect(troubles(await findings({ ...settings(), HOST: "no-such-host.invalid" }))).toMatchObject(
      [{ status: "fail", text: expect.stringMatching(/^no-such-host\.invalid:0: /) }],
    );
  });

  it.each<[string, Record<string, string>, string]>([
    [
      "plain HTTP to the world",
      { NODE_ENV: "production", AUTH_JWT_SECRET: SECRET },
      "PUBLIC_URL is not set, and stowage itself speaks plain HTTP",
    ],
    [
      "a plain PUBLIC_URL",
      { PUBLIC_URL: "http://files.example.com" },
      "PUBLIC_URL is http://files.example.com, and",
    ],
    [
      "a proxy that can be passed by",
      { TRUST_PROXY: "1", HOST: "0.0.0.0" },
      "TRUST_PROXY=1, and anyone can reach port 0 without the proxy",
    ],
    [
      "one limit for all behind a proxy",
      { PUBLIC_URL: "https://files.example.com", RATE_LIMIT_PER_ADDRESS: "60" },
      "RATE_LIMIT_PER_ADDRESS is set with TRUST_PROXY=0",
    ],
    ["pages of every website", { CORS_ORIGINS: "*" }, "CORS_ORIGINS=*: scripts on any website"],
  ])("warns of %s", async (_, given, text) => {
    expect(troubles(await findings({ ...settings(), ...given }))).toMatchObject([
      {
        check: "Address",
        status: "warn",
        text: expect.stringContaining(text),
        advice: expect.any(String),
      },
    ]);
  });

  it("minds nothing that is meant so", async () => {
    const behindProxy = {
      TRUST_PROXY: "1",
      PUBLIC_URL: "https://files.example.com",
      RATE_LIMIT_PER_ADDRESS: "60",
    };
    expect(troubles(await findings({ ...settings(), ...behindProxy }))).toEqual([]);
  });
});

describe("stowage doctor on limits and processing", () => {
  it("counts the requests that open files suffice for", () => {
    const found = findingsAs(["prlimit", "--nofile=256"], settings());
    expect(troubles(found)).toMatchObject([
      {
        check: "Limits of this process",
        status: "warn",
        text: "only 256 files and connections may be open at once: beyond about 96 requests at once, others wait or fail",
        advice: expect.stringContaining("LimitNOFILE=65536"),
      },
    ]);
    // The one test that lets a real document be read.
    expect(found).toContainEqual(expect.objectContaining({ check: "Processing", status: "ok" }));
  });

  it("warns where documents may take more memory than there is", async () => {
    const env = {
      ...settings(),
      PROCESSING_CONCURRENCY: "64",
      PROCESSING_MEMORY_BYTES: String(totalmem()),
    };
    expect(troubles(await findings(env))).toMatchObject([
      {
        check: "Processing",
        status: "warn",
        text: expect.stringMatching(
          /^64 documents at once may use .* the system may kill stowage$/,
        ),
        advice: "set PROCESSING_CONCURRENCY=1, or lower PROCESSING_MEMORY_BYTES",
      },
    ]);
  });

  it("fails where no process can be started to read documents", async () => {
    const env = { ...settings(), PROCESSING_MEMORY_BYTES: "64MiB" };
    expect(troubles(await findings(env, {}))).toMatchObject([
      {
        check: "Processing",
        status: "fail",
        text: expect.stringContaining("documents cannot be read"),
        detail: expect.stringContaining("its limit is 64 MiB"),
        advice: expect.stringContaining("do not lower PROCESSING_MEMORY_BYTES"),
      },
    ]);
  });
});
