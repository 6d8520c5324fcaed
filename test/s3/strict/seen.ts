import type { IncomingMessage } from "node:http";
import { actionOf } from "./actions.ts";
import type { SeenRequest } from "./call.ts";
import { S3Error } from "./errors.ts";
import { addressOf, parseTarget } from "./target.ts";

/** Lower-case names; repeated ones joined by commas, as SigV4 wants them. */
function headersOf(req: IncomingMessage): Map<string, string> {
  const headers = new Map<string, string>();
  for (let i = 0; i + 1 < req.rawHeaders.length; i += 2) {
    const name = (req.rawHeaders[i] ?? "").toLowerCase();
    const value = req.rawHeaders[i + 1] ?? "";
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before},${value}`);
  }
  return headers;
}

/** What the head of a request shows. A target that cannot be read is kept as it is. */
export function lookAt(
  req: IncomingMessage,
  where: { readonly domain: string; readonly basePath: string },
): { readonly seen: SeenRequest; readonly problem: S3Error | undefined } {
  const method = req.method ?? "";
  const rawTarget = req.url ?? "";
  const headers = headersOf(req);
  const blank = {
    method,
    headers,
    action: undefined,
    bucket: undefined,
    key: undefined,
    partNumber: undefined,
    bodyBytes: 0,
    status: undefined,
    code: undefined,
    outcome: "open" as const,
  };
  try {
    const target = parseTarget(rawTarget);
    const host = headers.get("host") ?? "";
    const { bucket, key } = addressOf(target.path, host, where.domain, where.basePath);
    const query = new Map(target.query);
    const on = bucket === undefined ? "service" : key === undefined ? "bucket" : "key";
    const action = actionOf(method, on, query, headers);
    const part = query.get("partNumber");
    const partNumber = part === undefined ? undefined : Number(part);
    return { seen: { ...blank, ...target, action, bucket, key, partNumber }, problem: undefined };
  } catch (error) {
    if (!(error instanceof S3Error)) throw error;
    const unread = { rawPath: rawTarget, path: rawTarget, query: [] };
    return { seen: { ...blank, ...unread }, problem: error };
  }
}
