import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { Gate, Reply, Step } from "./call.ts";
import type { S3Error } from "./errors.ts";
import { document } from "./xml.ts";

export function createGate(): Gate {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}

/** Resolves when the gate opens, or when there is no one left to wait for. */
export async function passGate(gate: Gate, response: ServerResponse): Promise<void> {
  if (response.destroyed || response.socket?.destroyed) return;
  const ended = new AbortController();
  const closed = once(response, "close", { signal: ended.signal }).catch(() => undefined);
  await Promise.race([gate.opened, closed]);
  ended.abort();
}

export function errorReply(error: S3Error, resource: string): Reply {
  const { code, status, headers } = error;
  if (status === 304) return { status, headers, body: new Uint8Array(), code };
  const body = document(
    "Error",
    [
      ["Code", code],
      ["Message", error.message],
      ["Resource", resource],
      ...Object.entries(error.details),
      ["RequestId", randomBytes(8).toString("hex").toUpperCase()],
    ],
    false,
  );
  return { status, headers: { "content-type": "application/xml", ...headers }, body, code };
}

function breakOff(response: ServerResponse, how: "end" | "reset"): void {
  if (how === "reset") response.socket?.resetAndDestroy();
  else response.socket?.destroySoon();
}

function writeHead(reply: Reply, response: ServerResponse, now: number, bodiless: boolean): void {
  response.sendDate = false;
  const headers: Record<string, string> = {
    "x-amz-request-id": randomBytes(8).toString("hex").toUpperCase(),
    "x-amz-id-2": randomBytes(24).toString("base64"),
    date: new Date(now).toUTCString(),
    server: "AmazonS3",
    ...reply.headers,
  };
  const silent = reply.status === 204 || reply.status === 304 || (bodiless && reply.status >= 300);
  if (reply.framing === "close") response.useChunkedEncodingByDefault = false;
  else if (reply.framing !== "chunked" && !silent) {
    headers["content-length"] ??= String(reply.body.length);
  }
  response.writeHead(reply.status, headers);
}

/** @returns How it ended, as far as the server has to do with it. */
export async function sendReply(
  reply: Reply,
  response: ServerResponse,
  now: number,
  bodiless: boolean,
): Promise<"answered" | "cut"> {
  const { before } = reply;
  if (typeof before === "string") {
    breakOff(response, before);
    return "cut";
  }
  if (before) await passGate(before, response);
  writeHead(reply, response, now, bodiless);
  const steps: readonly Step[] = bodiless ? [] : (reply.steps ?? [reply.body]);
  for (const step of steps) {
    if (response.socket?.destroyed) return "cut";
    if (step instanceof Uint8Array) {
      await written(response, step);
    } else if (typeof step === "string") {
      breakOff(response, step);
      return "cut";
    } else {
      await passGate(step, response);
    }
  }
  response.end();
  return "answered";
}

/** Resolves when the bytes have left for the peer, so that nothing overtakes them, or never can. */
async function written(response: ServerResponse, bytes: Uint8Array): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  response.once("close", resolve);
  response.write(bytes, () => resolve());
  await promise;
  response.off("close", resolve);
}
