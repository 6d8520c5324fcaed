import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { S3Endpoint } from "./endpoint.ts";
import { answerTo, ask, open, type RawAnswer, sign } from "./raw-request.ts";
import { Scene } from "./raw-scene.ts";

interface Expected {
  readonly status: number;
  readonly code?: string;
  readonly text?: string;
}

/** A case by its name. What radosgw does otherwise is declared with the reason why we hold on to ours. */
type Case = readonly [
  name: string,
  run: (scene: Scene) => Promise<RawAnswer>,
  expected: Expected,
  radosgw?: Expected & { readonly because: string },
];

const minutes = (n: number) => new Date(Date.now() + n * 60_000);
const ranged = (range: string) => async (scene: Scene) => {
  await scene.put("ranged");
  return await scene.ask("GET", "ranged", { headers: { range } });
};
const conditional = (method: string, headers: Record<string, string>) => async (scene: Scene) => {
  await scene.put("conditional");
  return await scene.ask(method, "conditional", { headers });
};

const CASES: readonly Case[] = [
  ["a range", ranged("bytes=2-4"), { status: 206, text: "234" }],
  ["a range beyond the end", ranged("bytes=8-99"), { status: 206, text: "89" }],
  ["a suffix", ranged("bytes=-3"), { status: 206, text: "789" }],
  ["a suffix longer than the object", ranged("bytes=-99"), { status: 206, text: "0123456789" }],
  ["a range after the end", ranged("bytes=10-"), { status: 416, code: "InvalidRange" }],
  ["a range in other units", ranged("lines=1-2"), { status: 200, text: "0123456789" }],
  [
    "a range of nothing",
    async (scene) => {
      await scene.put("nothing", "");
      return await scene.ask("GET", "nothing", { headers: { range: "bytes=0-0" } });
    },
    { status: 416, code: "InvalidRange" },
  ],
  [
    "a read under another ETag",
    conditional("GET", { "if-match": '"0"' }),
    { status: 412, code: "PreconditionFailed" },
  ],
  [
    "a read of what is known",
    async (scene) => {
      const { etag = "" } = (await scene.put("known")).headers;
      return await scene.ask("GET", "known", { headers: { "if-none-match": etag } });
    },
    { status: 304, text: "" },
  ],
  [
    "a second write of what may be written once",
    conditional("PUT", { "if-none-match": "*" }),
    { status: 412, code: "PreconditionFailed" },
  ],
  [
    "a write over another ETag",
    conditional("PUT", { "if-match": '"0"' }),
    { status: 412, code: "PreconditionFailed" },
  ],
  ["a key that is missing", (s) => s.ask("GET", "none"), { status: 404, code: "NoSuchKey" }],
  ["HEAD of a key that is missing", (s) => s.ask("HEAD", "none"), { status: 404, text: "" }],
  ["deletion of a missing key", (s) => s.ask("DELETE", "none"), { status: 204, text: "" }],
  [
    "a bucket that is missing",
    (s) => ask(s.server, { path: "/no-such-bucket-here/key" }),
    { status: 404, code: "NoSuchBucket" },
  ],
  [
    "a key of 1,025 bytes",
    (s) => s.put("k".repeat(1025)),
    { status: 400, code: "KeyTooLongError" },
    { status: 400, code: "InvalidObjectName", because: "it has its own word for it" },
  ],
  ["a key of 1,024 bytes", (s) => s.put("k".repeat(1024)), { status: 200 }],
  ["dot segments in a key", (s) => s.put("a/../b/./c"), { status: 200 }],
  [
    "an object under dot segments, asked for without them",
    (s) => s.ask("GET", "b/c"),
    { status: 404, code: "NoSuchKey" },
  ],
  [
    "metadata of more than 2 KiB",
    (s) => s.ask("PUT", "meta", { headers: { "x-amz-meta-a": "v".repeat(2100) } }),
    { status: 400, code: "MetadataTooLarge" },
    { status: 200, because: "it has no such limit" },
  ],
  [
    "another path than was signed",
    (s) => s.tamper((raw) => ({ target: `${raw.target}2` })),
    { status: 403, code: "SignatureDoesNotMatch" },
  ],
  [
    "another header than was signed",
    (s) => s.tamper((raw) => ({ headers: { ...raw.headers, "x-amz-meta-a": "2" } })),
    { status: 403, code: "SignatureDoesNotMatch" },
  ],
  [
    "a header of Amazon's that was not signed",
    (s) => s.tamper((raw) => ({ headers: { ...raw.headers, "x-amz-meta-b": "2" } })),
    { status: 403, code: "AccessDenied" },
    { status: 200, because: "it takes unsigned headers; AWS does not" },
  ],
  [
    "another body than was signed",
    (s) => s.tamper(() => ({ body: Buffer.from("Body") })),
    { status: 400, code: "XAmzContentSHA256Mismatch" },
  ],
  [
    "a request of 16 minutes ago",
    (s) => s.ask("GET", "none", {}, { at: minutes(-16) }),
    { status: 403, code: "RequestTimeTooSkewed" },
  ],
  [
    "a request of 14 minutes ago",
    (s) => s.ask("HEAD", "", {}, { at: minutes(-14) }),
    { status: 200 },
  ],
  [
    "another secret",
    (s) => s.ask("GET", "none", {}, { secretAccessKey: "wrong" }),
    { status: 403, code: "SignatureDoesNotMatch" },
  ],
  [
    "an unknown key pair",
    (s) => s.ask("GET", "none", {}, { accessKeyId: "NOBODY" }),
    { status: 403, code: "InvalidAccessKeyId" },
  ],
  [
    "another region",
    (s) => s.ask("GET", "none", {}, { region: "us-west-2" }),
    { status: 400, code: "AuthorizationHeaderMalformed" },
    { status: 404, code: "NoSuchKey", because: "it takes any region" },
  ],
  [
    "a wrong Content-MD5",
    (s) =>
      s.ask("PUT", "md5", { body: "x", headers: { "content-md5": "1B2M2Y8AsgTpgAmY7PhCfg==" } }),
    { status: 400, code: "BadDigest" },
  ],
  [
    "a malformed Content-MD5",
    (s) => s.ask("PUT", "md5", { body: "x", headers: { "content-md5": "abc" } }),
    { status: 400, code: "InvalidDigest" },
  ],
  [
    "a body without a length",
    async ({ server, bucket }) => {
      const raw = await sign(server, { method: "PUT", path: `/${bucket}/chunked`, body: "x" });
      const sent = open(server, raw);
      sent.setHeader("transfer-encoding", "chunked");
      const answered = answerTo(sent);
      sent.end("x");
      const { statusCode: status = 0, headers } = await answered;
      return { status, headers, body: Buffer.alloc(0), text: "", code: undefined };
    },
    { status: 411 },
  ],
  [
    "a link",
    async (scene) => {
      await scene.put("linked");
      return await scene.ask("GET", "linked", {}, { expiresSeconds: 60 });
    },
    { status: 200, text: "0123456789" },
  ],
  [
    "a link that has expired",
    (s) => s.ask("GET", "linked", {}, { expiresSeconds: 60, at: minutes(-2) }),
    { status: 403, code: "AccessDenied" },
  ],
  [
    "a batch without a checksum",
    (s) => s.deletion(["a"], {}),
    { status: 400, code: "InvalidRequest" },
    { status: 200, because: "it wants none; AWS does" },
  ],
  [
    "a batch of nothing",
    (s) => s.deletion([]),
    { status: 400, code: "MalformedXML" },
    { status: 200, because: "it takes an empty batch" },
  ],
  [
    "a batch of 1,001 keys",
    (s) => s.deletion(Array.from({ length: 1001 }, (_, i) => `${i}`)),
    { status: 400, code: "MalformedXML" },
    { status: 400, because: "it sends no document with it" },
  ],
  [
    "a list from a token that no one gave",
    (s) => s.ask("GET", "", { query: "list-type=2&continuation-token=x" }),
    { status: 400, code: "InvalidArgument" },
    { status: 200, because: "its tokens are keys" },
  ],
  [
    "parts in another order",
    (s) =>
      s.complete(([a = "", b = ""]) => [
        [2, b],
        [1, a],
      ]),
    { status: 400, code: "InvalidPartOrder" },
    { status: 400, code: "EntityTooSmall", because: "it looks at sizes first" },
  ],
  [
    "a part under another ETag",
    (s) =>
      s.complete(([, b = ""]) => [
        [1, b],
        [2, b],
      ]),
    { status: 400, code: "InvalidPart" },
    { status: 400, code: "EntityTooSmall", because: "it looks at sizes first" },
  ],
  [
    "a small part before the last",
    (s) =>
      s.complete(([a = "", b = ""]) => [
        [1, a],
        [2, b],
      ]),
    { status: 400, code: "EntityTooSmall" },
  ],
  [
    "a completion of what may be written once",
    (s) => s.complete(([a = ""]) => [[1, a]], { "if-none-match": "*" }, ["all"]),
    { status: 412, code: "PreconditionFailed" },
    { status: 200, because: "it overlooks conditions of completions" },
  ],
  [
    "a completion of no upload",
    (s) =>
      s.ask("POST", "none", {
        query: "uploadId=none",
        body: "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>a</ETag></Part></CompleteMultipartUpload>",
      }),
    { status: 404, code: "NoSuchUpload" },
    { status: 500, code: "InternalError", because: "it fails over an id of no form it knows" },
  ],
  [
    "abortion of no upload",
    (s) => s.ask("DELETE", "none", { query: "uploadId=none" }),
    { status: 404, code: "NoSuchUpload" },
  ],
];

/** The same requests, byte for byte, to every server. */
export function testRawRequests(
  start: () => Promise<S3Endpoint>,
  kind: "strict" | "radosgw",
  skip = false,
): void {
  describe.skipIf(skip)("answers to raw requests", () => {
    let scene: Scene;
    beforeAll(async () => {
      const server = await start();
      scene = new Scene(server, await server.makeBucket());
    });
    afterAll(() => scene?.server.stop());

    for (const [name, run, expected, radosgw] of CASES) {
      const differs = kind === "radosgw" ? radosgw : undefined;
      const { because, ...answer } = differs ?? { ...expected, because: undefined };
      test(because ? `${name} (${because})` : name, async () => {
        expect(await run(scene)).toMatchObject(answer);
      });
    }
  });
}
