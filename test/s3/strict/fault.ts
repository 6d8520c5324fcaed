import type { Reply } from "./call.ts";
import type { S3Code, S3Error } from "./errors.ts";
import type { Fault } from "./faults.ts";
import { errorReply } from "./send.ts";
import { document } from "./xml.ts";

function text(reply: Reply): string {
  return Buffer.from(reply.body).toString("utf8");
}

function bytes(body: string | Uint8Array): Uint8Array {
  return typeof body === "string" ? Buffer.from(body) : body;
}

/** With another body, and no length of the old one. */
function withBody(reply: Reply, body: string | Uint8Array): Reply {
  return { ...reply, body: bytes(body) };
}

function errorDocument(code: string): Uint8Array {
  return document(
    "Error",
    [
      ["Code", code],
      ["Message", `Provoked: ${code}`],
    ],
    false,
  );
}

/** Answer without doing anything. S3's error document is sent unless a body is given. */
export function answer(
  status: number,
  code: string,
  extra: {
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string | Uint8Array;
  } = {},
): Fault {
  const body = extra.body === undefined ? errorDocument(code) : bytes(extra.body);
  const headers = { "content-type": "application/xml", ...extra.headers };
  return { instead: () => ({ status, headers, body, code }) };
}

/** The connection ends without an answer, before anything was done. */
export function closeBeforeAnswer(how: "end" | "reset" = "end"): Fault {
  return { instead: () => ({ status: 0, headers: {}, body: new Uint8Array(), before: how }) };
}

/** The connection is reset once so many bytes of the request's body have come. */
export function resetRequest(afterBytes: number): Fault {
  return { reading: { afterBytes, how: "reset" } };
}

/** The request's body is not read beyond so many bytes, until released. */
export function stallRequest(afterBytes = 0): Fault {
  return { reading: { afterBytes, how: "stall" } };
}

/** All is done; the answer never leaves. */
export function loseAnswer(how: "end" | "reset" = "reset"): Fault {
  return { edit: (reply) => ({ ...reply, before: how }) };
}

/** All is done; the answer's head waits until released. */
export function stallAnswer(): Fault {
  return { edit: (reply, gate) => ({ ...reply, before: gate }) };
}

/** The answer's body stops after so many bytes, until released. */
export function stallBody(afterBytes: number): Fault {
  return {
    edit: (reply, gate) => ({
      ...reply,
      steps: [reply.body.subarray(0, afterBytes), gate, reply.body.subarray(afterBytes)],
    }),
  };
}

/** The connection is reset after so many bytes of the answer's body; what was on its way may be lost with it. */
export function resetBody(afterBytes: number): Fault {
  return {
    edit: (reply) => ({ ...reply, steps: [reply.body.subarray(0, afterBytes), "reset"] }),
  };
}

/**
 * The connection ends properly after so many bytes of the answer's body. With `close` framing nothing in the
 * answer reports that bytes are missing.
 */
export function truncateBody(
  afterBytes: number,
  framing: "length" | "chunked" | "close" = "length",
): Fault {
  return {
    edit: (reply) => ({ ...reply, framing, steps: [reply.body.subarray(0, afterBytes), "end"] }),
  };
}

/** The whole body, reported by the connection's end instead of a length. */
export function closeDelimited(): Fault {
  return { edit: (reply) => ({ ...reply, framing: "close" }) };
}

/** Status 200, whitespace, and then an error, without doing anything. */
export function errorInside(code: S3Code | "SlowDown" | "ServiceUnavailable"): Fault {
  const prolog = '<?xml version="1.0" encoding="UTF-8"?>\n\n  \n\n';
  const error = Buffer.from(errorDocument(code))
    .toString()
    .replace(/^<\?.*\?>\s*/, "");
  return answer(200, code, { body: prolog + error });
}

/** All is done; the answer has this body instead of its own. */
export function replaceBody(body: string | Uint8Array, status?: number): Fault {
  return { edit: (reply) => ({ ...withBody(reply, body), status: status ?? reply.status }) };
}

/** All is done; what the answer's headers say is changed; `undefined` removes. */
export function editHeaders(changes: Readonly<Record<string, string | undefined>>): Fault {
  return {
    edit(reply) {
      const merged = Object.entries({ ...reply.headers, ...changes });
      const kept = merged.filter((entry): entry is [string, string] => entry[1] !== undefined);
      return { ...reply, headers: Object.fromEntries(kept) };
    },
  };
}

export function editXml(change: (xml: string) => string): Fault {
  return { edit: (reply) => withBody(reply, change(text(reply))) };
}

/** Headers and query parameters that the service overlooks: `range`, `if-none-match`, `encoding-type`. */
export function overlook(...names: readonly string[]): Fault {
  return { ignoring: names };
}

/** The service fails to delete some keys of a batch. */
export function refuseDeletion(refuse: (key: string) => S3Code | undefined): Fault {
  return { refuseDeletion: refuse };
}

/** Every page claims to be followed by the same one. */
export function repeatToken(): Fault {
  let first: string | undefined;
  return editXml((xml) => {
    const token = /<NextContinuationToken>.*<\/NextContinuationToken>/;
    first ??= token.exec(xml)?.[0];
    if (first === undefined) return xml;
    const bare = xml.replace(token, "").replace(/<IsTruncated>.*?<\/IsTruncated>/, "");
    return bare.replace("</MaxKeys>", `</MaxKeys><IsTruncated>true</IsTruncated>${first}`);
  });
}

/** Truncated, but with nothing to go on from. */
export function missingToken(): Fault {
  return editXml((xml) => xml.replace(/<Next(ContinuationToken|KeyMarker)>.*?<\/Next\1>/, ""));
}

/** Half of the document, well framed. */
export function halfXml(): Fault {
  return editXml((xml) => xml.slice(0, xml.length / 2));
}

/** A refusal with all that S3 says about it. */
export function refuse(error: S3Error): Fault {
  return { instead: () => errorReply(error, "/") };
}

const bomb = ["a", "b", "c", "d", "e", "f", "g", "h"]
  .map((name, i, all) => {
    const value = i === 0 ? "lol".repeat(100) : `&${all[i - 1]};`.repeat(100);
    return `<!ENTITY ${name} "${value}">`;
  })
  .join("");

/** Bodies that are no answer of S3's, by what is wrong with them. */
export const HOSTILE_BODIES = {
  empty: "",
  html: "<!DOCTYPE html><html><head><title>502</title></head><body><p>Bad gateway<br></body></html>",
  garbage: Buffer.from([0, 255, 254, 60, 60, 62, 38, 128, 0, 10]),
  huge: Buffer.alloc(10_000_000, "<a>"),
  dtd: '<?xml version="1.0"?><!DOCTYPE Error SYSTEM "http://127.0.0.1:9/x"><Error><Code>X</Code></Error>',
  bomb: `<?xml version="1.0"?><!DOCTYPE Error [${bomb}]><Error><Code>&h;</Code></Error>`,
  reference: "<Error><Code>&#9999999;</Code></Error>",
  deep: "<a>".repeat(100_000),
} as const satisfies Readonly<Record<string, string | Uint8Array>>;
