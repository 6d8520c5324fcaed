import type { Server } from "node:http";
import type { AddressInfo } from "node:net";

/** Listen on a free port of loopback and tell the parent which. */
export function listening(server: Server): void {
  server.listen(0, "127.0.0.1", () => {
    process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  });
}
