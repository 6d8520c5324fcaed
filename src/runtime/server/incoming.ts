import type { IncomingMessage, ServerResponse } from "node:http";
import type { HttpBindings } from "@hono/node-server";
import type { ByteStream } from "../../domain/bytes.ts";
import { bodyAtMinimumRate } from "./minimum-transfer-rate.ts";

/** The address at the other end of a Node connection, from the bindings of Hono's adapter. */
export function nodePeerAddress(env: unknown): string | null {
  const bindings = env as Partial<HttpBindings> | null | undefined;
  return bindings?.incoming?.socket?.remoteAddress ?? null;
}

/**
 * The body of a request as Node received it, without a web stream in between.
 *
 * Ending the iteration early leaves the connection open, so that an answer can still be sent on it. A client
 * that sent `Expect: 100-continue` gets its `100 Continue` with the first read.
 *
 * @param minBytesPerSecond 0 for no minimum.
 * @throws {StowageError} As {@link bodyAtMinimumRate} does.
 */
export function incomingBody(
  incoming: IncomingMessage,
  outgoing: Pick<ServerResponse, "writeContinue">,
  minBytesPerSecond: number,
): ByteStream {
  return bodyAtMinimumRate(() => {
    const chunks: AsyncIterator<Uint8Array> = incoming.iterator({ destroyOnReturn: false });
    let expectsContinue = asksToContinue(incoming);
    return {
      next() {
        if (expectsContinue) outgoing.writeContinue();
        expectsContinue = false;
        return chunks.next();
      },
      return: async () => (await chunks.return?.()) ?? { done: true, value: undefined },
    };
  }, minBytesPerSecond);
}

/** HTTP/1.0 has no interim responses: there the expectation is ignored (RFC 9110, 10.1.1). */
function asksToContinue({ httpVersion, headers }: IncomingMessage): boolean {
  return httpVersion !== "1.0" && /^100-continue$/i.test(headers.expect ?? "");
}
