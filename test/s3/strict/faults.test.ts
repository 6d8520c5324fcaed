import { afterEach, beforeEach, expect, test } from "vitest";
import { answerTo, ask, open, type RawAnswer, sign } from "../raw-request.ts";
import { fault, type StrictS3, startStrictS3 } from "../strict-server.ts";

let server: StrictS3;
beforeEach(async () => {
  server = await startStrictS3({ pageSize: 2 });
  await server.makeBucket("bucket");
  for (const key of ["a", "b", "c"]) await put(key, "0123456789");
});
afterEach(() => server.stop());

const put = (key: string, body: string | Uint8Array, headers: Record<string, string> = {}) =>
  ask(server, { method: "PUT", path: `/bucket/${key}`, body, headers });
const get = (key: string, headers: Record<string, string> = {}) =>
  ask(server, { path: `/bucket/${key}`, headers });
const list = (token = "") => ask(server, { path: "/bucket", query: `list-type=2${token}` });
const keys = () => server.objects("bucket").map(({ key }) => key);
const last = () => server.requests.at(-1);

/** The error of a request that got no whole answer. */
async function failure(answer: Promise<RawAnswer>): Promise<unknown> {
  return await answer.then(
    ({ status }) => `answered ${status}`,
    (error: NodeJS.ErrnoException) => error.code,
  );
}

test("strikes as often as reported, only the action and the requests that it is for", async () => {
  const rule = server.faults.add({
    action: "GetObject",
    times: 2,
    when: ({ key }) => key === "a",
    do: fault.answer(503, "SlowDown", { headers: { "retry-after": "1" } }),
  });
  expect((await get("b")).status).toBe(200);
  expect((await put("a", "new")).status).toBe(200);
  const struck = await get("a");
  expect(struck).toMatchObject({ status: 503, code: "SlowDown" });
  expect(struck.headers["retry-after"]).toBe("1");
  expect((await get("a")).status).toBe(503);
  expect((await get("a")).status).toBe(200);
  expect(rule.hits).toBe(2);
  expect((await rule.struck).key).toBe("a");
});

test("ends with its removal", async () => {
  const rule = server.faults.add({ action: "*", do: fault.answer(500, "InternalError") });
  expect((await get("a")).status).toBe(500);
  rule.remove();
  expect((await get("a")).status).toBe(200);
});

test.each([
  ["end", "socket hang up"],
  ["reset", "read ECONNRESET"],
] as const)("closes before answering: %s", async (how, message) => {
  server.faults.add({ action: "PutObject", do: fault.closeBeforeAnswer(how) });
  await expect(put("new", "")).rejects.toThrow(message);
  await server.idle();
  expect(keys()).not.toContain("new");
  expect(last()).toMatchObject({ action: "PutObject", outcome: "cut" });
});

test("resets while the request's body comes", async () => {
  server.faults.add({ action: "PutObject", do: fault.resetRequest(100_000) });
  const answer = await failure(put("new", Buffer.alloc(5_000_000)));
  expect(["ECONNRESET", "EPIPE"]).toContain(answer);
  await server.idle();
  expect(last()?.bodyBytes).toBeGreaterThanOrEqual(100_000);
  expect(last()?.bodyBytes).toBeLessThan(5_000_000);
  expect(keys()).not.toContain("new");
});

test("loses the answer after the store has happened", async () => {
  server.faults.add({ action: "PutObject", do: fault.loseAnswer() });
  expect(await failure(put("new", "x"))).toBe("ECONNRESET");
  expect(keys()).toContain("new");
});

test("stalls a request's body, of no bytes too, until all faults are cleared", async () => {
  for (const body of ["", "x"]) {
    const rule = server.faults.add({ action: "PutObject", do: fault.stallRequest() });
    const answer = put("new", body);
    await rule.struck;
    expect(await Promise.race([answer.then(() => "early"), settle()])).toBe("nothing");
    expect(last()?.outcome).toBe("open");
    server.faults.clear();
    expect((await answer).status).toBe(200);
  }
});

test("stalls a request's body after so many bytes", async () => {
  const rule = server.faults.add({ action: "PutObject", do: fault.stallRequest(100_000) });
  const answer = put("new", Buffer.alloc(5_000_000));
  await rule.struck;
  expect(keys()).not.toContain("new");
  rule.release();
  expect((await answer).status).toBe(200);
});

test("stalls an answer's head until released, after the store", async () => {
  const rule = server.faults.add({ action: "PutObject", do: fault.stallAnswer() });
  const sent = open(server, await sign(server, { method: "PUT", path: "/bucket/new" }));
  const answered = answerTo(sent);
  sent.setHeader("content-length", "0").end();
  await rule.struck;
  expect(await Promise.race([answered.then(() => "early"), settle()])).toBe("nothing");
  expect(keys()).toContain("new");
  rule.release();
  expect((await answered).statusCode).toBe(200);
});

test("stalls in the midst of an answer's body until removed", async () => {
  const rule = server.faults.add({ action: "GetObject", do: fault.stallBody(4) });
  const sent = open(server, await sign(server, { path: "/bucket/a" }));
  const answered = answerTo(sent);
  sent.end();
  const answer = await answered;
  const chunks: string[] = [];
  for await (const chunk of answer.setEncoding("utf8") as AsyncIterable<string>) {
    if (chunks.length === 0) rule.remove();
    chunks.push(chunk);
  }
  expect(chunks).toEqual(["0123", "456789"]);
});

test("forgets a stalled request whose client went away", async () => {
  const rule = server.faults.add({ action: "GetObject", do: fault.stallAnswer() });
  const sent = open(server, await sign(server, { path: "/bucket/a" }));
  sent.on("error", () => undefined).end();
  await rule.struck;
  sent.destroy();
  await server.idle();
  expect(last()?.outcome).toBe("aborted");
});

test.each([
  ["resets the answer's body", fault.resetBody(4)],
  ["truncates a body of known length", fault.truncateBody(4, "length")],
  ["truncates a chunked body", fault.truncateBody(4, "chunked")],
])("%s", async (_, what) => {
  server.faults.add({ action: "GetObject", do: what });
  expect(await failure(get("a"))).toBe("ECONNRESET");
});

test("truncates a close-delimited body, which nothing in it reports", async () => {
  server.faults.add({ action: "GetObject", times: 1, do: fault.truncateBody(4, "close") });
  const answer = await get("a");
  expect(answer).toMatchObject({ status: 200, text: "0123" });
  expect(answer.headers).not.toHaveProperty("content-length");
  expect(answer.headers).not.toHaveProperty("transfer-encoding");
  server.faults.add({ action: "GetObject", do: fault.closeDelimited() });
  expect((await get("a")).text).toBe("0123456789");
});

test("answers 200, whitespace, and an error", async () => {
  server.faults.add({ action: "*", do: fault.errorInside("InternalError") });
  const answer = await list();
  expect(answer).toMatchObject({ status: 200, code: "InternalError" });
  expect(answer.text).toMatch(/\?>\s{5,}<Error>/);
});

test.each(
  Object.entries(fault.HOSTILE_BODIES),
)("answers with a body that is %s", async (_, body) => {
  server.faults.add({ action: "ListObjectsV2", do: fault.replaceBody(body, 500) });
  const answer = await list();
  expect(answer.status).toBe(500);
  expect(answer.body.equals(Buffer.from(body))).toBe(true);
});

test("reports a wrong range, or none", async () => {
  const range = { range: "bytes=2-3" };
  const wrong = fault.editHeaders({ "content-range": "bytes 3-4/10", etag: undefined });
  server.faults.add({ action: "GetObject", times: 1, do: wrong });
  const moved = await get("a", range);
  expect(moved.headers["content-range"]).toBe("bytes 3-4/10");
  expect(moved.headers).not.toHaveProperty("etag");
  server.faults.add({ action: "GetObject", do: fault.overlook("range") });
  expect(await get("a", range)).toMatchObject({ status: 200, text: "0123456789" });
});

test("overlooks conditions and parameters", async () => {
  server.faults.add({ action: "PutObject", do: fault.overlook("if-none-match") });
  expect((await put("a", "again", { "if-none-match": "*" })).status).toBe(200);
  server.faults.add({ action: "ListObjectsV2", do: fault.overlook("encoding-type") });
  expect((await list("&encoding-type=url")).text).not.toContain("EncodingType");
});

test("repeats a list's token for ever", async () => {
  server.faults.add({ action: "ListObjectsV2", do: fault.repeatToken() });
  const tokenOf = ({ text }: RawAnswer) => /<NextContinuationToken>([^<]*)</.exec(text)?.[1];
  const token = tokenOf(await list()) ?? "";
  for (const _ of [1, 2]) {
    const page = await list(`&continuation-token=${token}`);
    expect(page.text).toContain("<IsTruncated>true</IsTruncated>");
    expect(tokenOf(page)).toBe(token);
  }
});

test("leaves out a list's token, or half of the list", async () => {
  server.faults.add({ action: "ListObjectsV2", times: 1, do: fault.missingToken() });
  const page = await list();
  expect(page.text).toContain("<IsTruncated>true</IsTruncated>");
  expect(page.text).not.toContain("NextContinuationToken");
  server.faults.add({ action: "ListObjectsV2", do: fault.halfXml() });
  expect((await list()).text).not.toContain("</ListBucketResult>");
});

test("refuses single keys of a batch", async () => {
  const refuse = fault.refuseDeletion((key) => (key === "b" ? "InternalError" : undefined));
  server.faults.add({ action: "DeleteObjects", do: refuse });
  const names = keys().map((key) => `<Object><Key>${key}</Key></Object>`);
  const body = `<Delete>${names.join("")}</Delete>`;
  const headers = { "x-amz-checksum-sha256": await sha256(body) };
  const wish = { method: "POST", path: "/bucket", query: "delete=", body, headers };
  expect((await ask(server, wish)).text).toContain("<Key>b</Key><Code>InternalError</Code>");
  expect(keys()).toEqual(["b"]);
});

test("stop() lets go on everything, and leaves no connection", async () => {
  server.faults.add({ action: "*", do: fault.stallAnswer() });
  const stalled = server.faults.add({ action: "*", do: fault.stallRequest() });
  const answer = failure(get("a"));
  while (server.requests.at(-1)?.key !== "a") await settle();
  await server.stop();
  expect(await answer).toBe("ECONNRESET");
  expect(server.connections).toBe(0);
  expect(stalled.hits).toBe(0);
  server = await startStrictS3();
});

/** A turn of the event loop in which whatever has arrived is reported. */
async function settle(): Promise<string> {
  return await new Promise((resolve) => setImmediate(() => resolve("nothing")));
}

async function sha256(text: string): Promise<string> {
  return Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from(text))).toString("base64");
}
