import type { IncomingMessage, ServerResponse } from "node:http";
import type { SeenRequest } from "./call.ts";
import type { ActiveFault } from "./faults.ts";
import { passGate } from "./send.ts";

/** A request on its connection, with the fault that strikes it. */
export interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** The client waits for `100 Continue` before it sends the body. */
  readonly expects: boolean;
  readonly active: ActiveFault | undefined;
}

/** Read the body whole. @returns `undefined` where a fault wants the connection reset. */
export async function readBody(
  seen: SeenRequest,
  { req, res, active }: Exchange,
): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let fault = active?.do.reading;
  const isDue = () => fault !== undefined && seen.bodyBytes >= fault.afterBytes;
  const strike = async () => {
    const how = fault?.how;
    fault = undefined;
    if (how === "stall" && active) await passGate(active.gate, res);
    return how === "reset";
  };
  if (isDue() && (await strike())) return undefined;
  for await (const chunk of req.iterator({ destroyOnReturn: false })) {
    chunks.push(chunk);
    seen.bodyBytes += chunk.length;
    if (isDue() && (await strike())) return undefined;
  }
  return Buffer.concat(chunks);
}
