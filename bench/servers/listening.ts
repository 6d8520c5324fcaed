import type { AddressInfo, Server } from "node:net";
import { monitorEventLoopDelay } from "node:perf_hooks";

/** Listen on loopback, by default on a free port, and send the parent the address. */
export function listening(server: Server, port = 0): void {
  server.listen(port, "127.0.0.1", () => {
    ready(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
}

/**
 * Tell the parent where to call. Any message of it is answered with how long the event loop was held up since
 * the one before, 99th percentile in milliseconds.
 */
export function ready(url: string, key?: string): void {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  process.on("message", () => {
    process.send?.(delay.percentile(99) / 1e6);
    delay.reset();
  });
  process.send?.({ url, key });
}
