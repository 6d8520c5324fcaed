import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { S3Endpoint } from "./endpoint.ts";
import { SHARED_URL_VARIABLE, startOwnRadosgw } from "./radosgw.ts";

/**
 * Vitest's global setup of the slow suite: one radosgw for all files, started when the first of them asks.
 * The workers inherit where to ask.
 */
export default async function setup(): Promise<() => Promise<void>> {
  let running: Promise<S3Endpoint> | undefined;
  const server = createServer(async (_, response) => {
    try {
      running ??= startOwnRadosgw();
      response.end((await running).endpoint);
    } catch (error) {
      response.writeHead(500).end(String(error));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  process.env[SHARED_URL_VARIABLE] = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return async () => {
    server.close();
    server.closeAllConnections();
    await (await running?.catch(() => undefined))?.stop();
  };
}
