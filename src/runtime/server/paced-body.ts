import type { ByteStream } from "../../domain/bytes.ts";
import { StowageError } from "../../domain/errors.ts";
import { Pace } from "./minimum-transfer-rate.ts";

/**
 * A body whose sender has to keep to a minimum rate.
 *
 * Only the time spent waiting for the client counts against it: a storage that is slow to take the bytes is
 * not the client's fault.
 *
 * @param open Called with the iteration. What its iterator does on `return` is not waited for: it may wait
 *   itself for a client that never sends.
 * @param minBytesPerSecond 0 for no minimum.
 * @throws {StowageError} While iterating: `request_aborted` when the connection breaks, `request_timeout`
 *   when the client is slower than the minimum.
 */
export function pacedBody(
  open: () => AsyncIterator<Uint8Array>,
  minBytesPerSecond: number,
): ByteStream {
  return {
    [Symbol.asyncIterator]() {
      const chunks = open();
      const pace = new Pace(minBytesPerSecond, "the body comes");
      return {
        async next() {
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
