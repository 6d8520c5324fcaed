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

/** Longer than everything that the server may wait for, its patience with slow bodies included. */
const BOUND_MS = 25_000;
/** How long a request that looks whole may go unanswered before its sender closes its side. */
const PATIENCE_MS = 5_000;
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
    patience = setTimeout(leave, looksWhole(bytes) ? PATIENCE_MS : HALF_MS);
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
function looksWhole(bytes: Buffer): boolean {
  const text = bytes.toString("latin1");
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return false;
  const head = text.slice(0, end);
  if (/^transfer-encoding:/im.test(head)) return text.endsWith("\r\n0\r\n\r\n");
  const length = /^content-length: *(\d+)/im.exec(head)?.[1] ?? "0";
  return Number(length) <= text.length - end - 4;
}
