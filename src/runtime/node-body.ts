import type { IncomingMessage, ServerResponse } from "node:http";
import type { ByteStream } from "../domain/bytes.ts";
import { StowageError } from "../domain/errors.ts";
import { Pace } from "./pace.ts";

/**
 * The body of a request as Node received it: no web stream in between.
 *
 * Only the time spent waiting for the client counts against its transfer rate: a storage that is slow to
 * take the bytes is not the client's fault. Ending the iteration early leaves the connection alone, so that
 * an answer can still be sent on it.
 *
 * A client that waits to be asked for its body (`Expect: 100-continue`) is asked with the first read.
 *
 * @param minBytesPerSecond 0 for no minimum.
 * @throws {StowageError} While iterating: `request_aborted` when the connection breaks, `request_timeout`
 *   when the client is slower than the minimum.
 */
export function incomingBody(
  incoming: IncomingMessage,
  outgoing: Pick<ServerResponse, "writeContinue">,
  minBytesPerSecond: number,
): ByteStream {
  return {
    [Symbol.asyncIterator]() {
      const chunks = incoming.iterator({ destroyOnReturn: false });
      const pace = new Pace(minBytesPerSecond, "the body comes");
      let awaited = /^100-continue$/i.test(incoming.headers.expect ?? "");
      return {
        async next() {
          if (awaited) outgoing.writeContinue();
          awaited = false;
          try {
            const next = await pace.waitFor(chunks.next());
            if (next.done === true) pace.stop();
            else pace.count(next.value.byteLength);
            return next;
          } catch (error) {
            pace.stop();
            throw toBodyError(error);
          }
        },
        async return() {
          pace.stop();
          // Not awaited while a chunk is pending: it would wait for a client that may never send it.
          chunks.return?.().catch(() => {});
          return { done: true, value: undefined };
        },
      };
    },
  };
}

function toBodyError(error: unknown): unknown {
  if (error instanceof StowageError) return error;
  return new StowageError("request_aborted", "Cannot read body: the client closed the connection", {
    cause: error,
  });
}
