import type { IncomingMessage, ServerResponse } from "node:http";
import type { ByteStream } from "../../domain/bytes.ts";
import { pacedBody } from "./paced-body.ts";

/**
 * The body of a request as Node received it: no web stream in between.
 *
 * Ending the iteration early leaves the connection alone, so that an answer can still be sent on it. A client
 * that waits to be asked for its body (`Expect: 100-continue`) is asked with the first read.
 *
 * @param minBytesPerSecond 0 for no minimum.
 * @throws {StowageError} As {@link pacedBody} does.
 */
export function incomingBody(
  incoming: IncomingMessage,
  outgoing: Pick<ServerResponse, "writeContinue">,
  minBytesPerSecond: number,
): ByteStream {
  return pacedBody(() => {
    const chunks: AsyncIterator<Uint8Array> = incoming.iterator({ destroyOnReturn: false });
    let awaited = asksToContinue(incoming);
    return {
      next() {
        if (awaited) outgoing.writeContinue();
        awaited = false;
        return chunks.next();
      },
      return: async () => (await chunks.return?.()) ?? { done: true, value: undefined },
    };
  }, minBytesPerSecond);
}

/** HTTP/1.0 has no interim answers: from there the expectation is ignored (RFC 9110, 10.1.1). */
function asksToContinue({ httpVersion, headers }: IncomingMessage): boolean {
  return httpVersion !== "1.0" && /^100-continue$/i.test(headers.expect ?? "");
}
