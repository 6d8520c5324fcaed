import { connect } from "node:net";
import type { Ending } from "./fuzz-case.ts";

/** What came of sending something. */
export interface Exchange {
  /** One character a byte. */
  readonly received: string;
  /** Whether the server left us waiting, whatever we did. */
  readonly hung: boolean;
  /** Whether we ended first, so that an answer may be missing or cut. */
  readonly left: boolean;
}

/** When all has to be over. */
const BOUND_MS = 40_000;
/** How long a request that is whole may go unanswered: more than the server's patience with slow bodies. */
const PATIENCE_MS = 20_000;
/** The same for one that does not: the server is right to wait for more. */
const HALF_MS = 40;

/** Send `bytes` on a connection of its own, and wait until it is over. */
export async function exchange(
  url: string,
  bytes: Buffer,
  { ending, at }: { readonly ending: Ending; readonly at: number },
): Promise<Exchange> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  socket.setNoDelay(true);
  const split = Math.floor(bytes.length * at);
  let received = "";
  let hung = false;
  let left = false;
  const leave = (): void => {
    left = true;
    socket.end();
  };
  let patience: NodeJS.Timeout | undefined;
  const bound = setTimeout(() => {
    hung = true;
    socket.destroy();
  }, BOUND_MS);
  socket.on("connect", () => {
    if (ending === "whole") socket.write(bytes);
    else if (ending === "half-close") socket.end(bytes.subarray(0, split));
    else if (ending === "reset")
      socket.write(bytes.subarray(0, split), () => socket.resetAndDestroy());
    else {
      socket.write(bytes.subarray(0, split));
      setImmediate(() => socket.write(bytes.subarray(split)));
    }
    left = ending === "half-close" || ending === "reset";
    const whole = !left && isWhole(bytes.toString("latin1"));
    const giveUp = (): void => {
      hung = whole && !/^HTTP\/1\.1 [2-5]/m.test(received);
      leave();
    };
    patience = setTimeout(giveUp, whole ? PATIENCE_MS : HALF_MS);
  });
  socket.on("data", (chunk) => {
    received += chunk.toString("latin1");
    // Nothing more has to come on a connection that is kept.
    if (/^connection: keep-alive\r$/im.test(received)) {
      clearTimeout(patience);
      patience = setTimeout(leave, HALF_MS);
    }
  });
  // The server may end first, and a reset is one way to be over.
  socket.on("end", () => socket.end());
  socket.on("error", () => {});
  await new Promise<void>((resolve) => socket.once("close", () => resolve()));
  clearTimeout(bound);
  clearTimeout(patience);
  return { received, hung, left };
}

/** Whether a server has no reason to wait for more of it. */
function isWhole(text: string): boolean {
  return framingOf(text) !== "open";
}

/** How the body of a request ends: where it says, not yet, or `broken`, which a server ends at once. */
export function framingOf(text: string): "whole" | "open" | "broken" {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return "open";
  const head = text.slice(0, end);
  const body = text.slice(end + 4);
  if (/^transfer-encoding:/im.test(head)) return framingOfChunks(body);
  const length = /^content-length:\s*(\d+)/im.exec(head)?.[1] ?? "0";
  return Number(length) <= body.length ? "whole" : "open";
}

function framingOfChunks(body: string): "whole" | "open" | "broken" {
  for (let rest = body; ; ) {
    const [line, size = ""] = /^([0-9a-f]+)[^\r\n]*\r\n/i.exec(rest) ?? [];
    if (line === undefined) return /^[^\r\n]*\r\n/.test(rest) ? "broken" : "open";
    const length = Number.parseInt(size, 16);
    if (length === 0) {
      // A trailer whose name is none.
      if (/^[^\r\n:]*[^\r\n:!-~]/.test(rest.slice(line.length))) return "broken";
      return rest.includes("\r\n\r\n") ? "whole" : "open";
    }
    const end = line.length + length;
    if (rest.length < end + 2) return rest.length > end && rest[end] !== "\r" ? "broken" : "open";
    if (rest.slice(end, end + 2) !== "\r\n") return "broken";
    rest = rest.slice(end + 2);
  }
}
