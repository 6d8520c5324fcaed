import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import type { CliRuntime } from "../../src/cli/command.ts";
import type { Config } from "../../src/config.ts";
import { stowage } from "./terminal.ts";

/** A server that does nothing but listen, greet and close. */
function bareRuntime() {
  const seen: { config?: Config; isTerminal?: boolean; closed: boolean } = { closed: false };
  let fail: (error: Error) => void = () => {};
  const runtime: Pick<CliRuntime, "serve"> = {
    async serve(config, io) {
      Object.assign(seen, { config, isTerminal: io.isTerminal });
      const server = createServer().listen(config.server.port, config.server.host);
      await once(server, "listening");
      io.out("greeting\n");
      io.err("log line\n");
      const broken = new Promise<void>((_, reject) => {
        fail = reject;
      });
      return {
        url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        closed: Promise.race([once(server, "close").then(() => {}), broken]),
        close: async () => {
          seen.closed = true;
          await new Promise((resolve) => server.close(resolve));
        },
      };
    },
  };
  return { runtime, seen, fail: (error: Error) => fail(error) };
}

describe("stowage serve", () => {
  it("serves until it is interrupted, then closes and exits with 0", async () => {
    const { runtime, seen } = bareRuntime();
    const stop = new AbortController();
    const { code, out, err } = await stowage(["serve"], {
      env: { PORT: "0", SHUTDOWN_GRACE_SECONDS: "7" },
      runtime,
      stopSignal: () => stop.signal,
      onOut: (text) => {
        if (text.startsWith("Stowage listens")) stop.abort();
      },
    });
    expect(code).toBe(0);
    expect(seen.closed).toBe(true);
    expect(out).toMatch(
      /^greeting\nStowage listens on http:\/\/127\.0\.0\.1:\d+ \(press Ctrl-C .*\)\n$/,
    );
    expect(err).toContain("requests in flight have 7 s");
  });

  it("closes at once when the interrupt came while it started", async () => {
    const { runtime, seen } = bareRuntime();
    const stopSignal = () => AbortSignal.abort();
    const { code } = await stowage(["serve"], { env: { PORT: "0" }, runtime, stopSignal });
    expect({ code, closed: seen.closed }).toEqual({ code: 0, closed: true });
  });

  it("writes one JSON object to stdout with --json, and the rest to stderr", async () => {
    const { runtime } = bareRuntime();
    const { out, err } = await stowage(["serve", "--json"], {
      env: { PORT: "0" },
      runtime,
      stopSignal: () => AbortSignal.abort(),
    });
    expect(JSON.parse(out)).toEqual({ url: expect.stringMatching(/^http:/) });
    expect(err).toContain("greeting\nlog line\n");
  });

  it("exits with 1 when the server breaks", async () => {
    const { runtime, fail } = bareRuntime();
    const { code, err } = await stowage(["serve"], {
      env: { PORT: "0" },
      runtime,
      onOut: () => fail(new Error("broken")),
    });
    expect(code).toBe(1);
    expect(err).toContain("broken");
  });

  it("colours only for a terminal that wants it", async () => {
    const { runtime, seen } = bareRuntime();
    const stopSignal = () => AbortSignal.abort();
    const options = { runtime, stopSignal, isTerminal: true };
    await stowage(["serve"], { ...options, env: { PORT: "0" } });
    expect(seen).toMatchObject({ isTerminal: true, config: { log: { format: "pretty" } } });
    await stowage(["serve"], { ...options, env: { PORT: "0", NO_COLOR: "1" } });
    expect(seen).toMatchObject({ isTerminal: false, config: { log: { format: "pretty" } } });
  });
});
