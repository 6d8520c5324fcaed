import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { SILENT } from "../../src/domain/ports/logger.ts";
import { sendStream } from "../../src/runtime/node-response.ts";

/** A stream that never ends, and tells when it is let go. */
function endless() {
  const { promise: cancelled, resolve } = Promise.withResolvers<void>();
  const stream = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(1024)),
    cancel: () => resolve(),
  });
  return { stream, cancelled };
}

test.each([
  ["before", true],
  ["after", false],
])("sendStream() lets the stream go when the client leaves %s the answer begins", async (_, early) => {
  const { stream, cancelled } = endless();
  const server = createServer(async (_incoming, outgoing) => {
    if (early) await once(outgoing, "close");
    await sendStream(new Response(stream), outgoing, SILENT);
  }).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const outgoing = request({ port: (server.address() as AddressInfo).port });
  outgoing
    .on("error", () => {})
    .on("response", (answer) => answer.once("data", () => outgoing.destroy()));
  outgoing.end();
  if (early) server.once("request", () => outgoing.destroy());
  await cancelled;
  expect(stream.locked).toBe(true);
});
