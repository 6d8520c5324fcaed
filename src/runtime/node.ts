import type { HttpBindings } from "@hono/node-server";
import { createLogger } from "../adapters/log/logger.ts";
import type { Config } from "../config.ts";
import { delay } from "../domain/delay.ts";
import { createStowage, type Stowage } from "../stowage.ts";
import { requireCredentials } from "./credentials.ts";
import { ensureFirstKey, type FirstKey } from "./first-key.ts";
import { openNodeParts } from "./node-parts.ts";
import { incomingBody, nodePeerAddress } from "./server/incoming.ts";
import { NodeServer } from "./server/node-server.ts";
import { packageVersion } from "./version.ts";

export { openBulkWork } from "./bulk-work.ts";
export { inspect } from "./inspection.ts";
export { openKeyRecords, openTenantRecords } from "./node-parts.ts";

/** The output of a command line. */
export interface ServeIo {
  out(text: string): void;
  err(text: string): void;
  readonly isTerminal: boolean;
}

export interface RunningServer {
  /** Such as `http://127.0.0.1:8000`. */
  readonly url: string;
  /** Resolves once it has stopped. */
  readonly closed: Promise<void>;
  /**
   * Stop: report not ready, wait for the shutdown delay, close the listener, let running requests finish within the
   * grace period, undo those that were cut, and return jobs to the queue.
   */
  close(): Promise<void>;
}

/**
 * Serve over HTTP with Node. Log lines go to `io.err`, messages for people to `io.out`.
 *
 * @throws {ConfigError} In production without credentials.
 * @throws {StowageError} If a storage or the database cannot be opened, or the address is not available.
 */
export async function serve(config: Config, io: ServeIo): Promise<RunningServer> {
  const logger = createLogger({
    level: config.log.level,
    format: config.log.format,
    write: (line) => io.err(`${line}\n`),
    colors: io.isTerminal,
  });
  for (const warning of config.warnings) logger.warn("config.warning", { warning });
  const parts = await openNodeParts(config, logger);
  let stowage: Stowage | undefined;
  let server: NodeServer | undefined;
  const stop = async (delayMs: number, graceMs: number): Promise<void> => {
    stowage?.health.beginShutdown();
    server?.drain();
    // Accept requests until load balancers have noticed that the service is not ready.
    if (delayMs > 0) await delay(delayMs);
    stowage?.beginShutdown();
    await server?.close(graceMs);
    await stowage?.close();
    await parts.close();
  };
  try {
    if (config.production) await requireCredentials(config, parts.keys, parts.clock);
    stowage = await createStowage(config, {
      ...parts,
      version: packageVersion(),
      requestBody: (env) => {
        const { incoming, outgoing } = env as HttpBindings;
        return incomingBody(incoming, outgoing, config.server.minTransferBytesPerSecond);
      },
      peerAddress: nodePeerAddress,
      connections: () => server?.connections ?? null,
    });
    server = new NodeServer({ stowage, config, logger });
    const url = await server.listen();
    // Only now: a failed start must not create a key without showing it.
    const firstKey = config.production ? null : await ensureFirstKey(config, parts.keys, parts);
    stowage.start();
    logger.info("server.listening", { url, storage: stowage.storages.primary.driverName });
    if (firstKey !== null) io.out(firstKey.isNew ? welcome(url, firstKey) : reminder(firstKey));
    const closed = Promise.withResolvers<void>();
    let stopping: Promise<void> | null = null;
    return {
      url,
      closed: closed.promise,
      async close() {
        const { shutdownDelaySeconds, shutdownGraceSeconds } = config.server;
        stopping ??= stop(shutdownDelaySeconds * 1000, shutdownGraceSeconds * 1000).finally(() =>
          closed.resolve(),
        );
        await stopping;
        logger.info("server.stopped");
      },
    };
  } catch (error) {
    await stop(0, 0);
    throw error;
  }
}

/** Shown on later starts. */
function reminder({ file }: FirstKey): string {
  return `The API key of the first start is in ${file}\n`;
}

/** Shown on the first start. */
function welcome(url: string, { key, file }: FirstKey): string {
  return [
    "",
    "This is a first start, so here is an API key for the tenant `default`:",
    "",
    `  ${key}`,
    "",
    file === null
      ? "It lives as long as this process."
      : `It is kept in ${file} and shown only now.`,
    "Upload something with it:",
    "",
    `  echo 'Hello, Stowage' | curl -sS -H 'Authorization: Bearer ${key}' -T - ${url}/api/v1/upload/hello.txt`,
    "",
    "",
  ].join("\n");
}
