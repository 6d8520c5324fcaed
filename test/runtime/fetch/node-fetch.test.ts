import { getEventListeners, once } from "node:events";
import { readdirSync } from "node:fs";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import {
  type AddressInfo,
  createServer as createTcpServer,
  type Server,
  type Socket,
} from "node:net";
import { afterEach, expect, test } from "vitest";
import { createNodeFetch, type NodeFetchOptions } from "../../../src/runtime/fetch/node-fetch.ts";

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** Patient: what is awaited comes over the network, on a machine that has other things to do. */
const soon = (look: () => number) => expect.poll(look, { timeout: 10_000 });

function open(options: NodeFetchOptions = {}) {
  const opened = createNodeFetch({ env: {}, ...options });
  cleanUps.push(() => opened.close());
  return opened;
}

/** A server on loopback, and its open sockets. */
async function serve(listener: RequestListener) {
  const server = createServer(listener);
  return { url: `http://127.0.0.1:${await listen(server)}/`, server, sockets: socketsOf(server) };
}

function socketsOf(server: Server): Set<Socket> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket.on("close", () => sockets.delete(socket)));
  });
  cleanUps.push(() => sockets.forEach((socket) => void socket.destroy()));
  return sockets;
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanUps.push(() => void server.close());
  return (server.address() as AddressInfo).port;
}

async function read(incoming: IncomingMessage): Promise<Buffer> {
  return Buffer.concat(await incoming.toArray());
}

/** Answers with what it has received: method, path, headers, body. */
const echo: RequestListener = async (incoming, outgoing) => {
  const body = (await read(incoming)).toString("latin1");
  const { method, url, rawHeaders } = incoming;
  outgoing.end(JSON.stringify({ method, url, rawHeaders, body }));
};

function streamOf(...chunks: string[]): ReadableStream<Uint8Array> {
  return ReadableStream.from(chunks.map((chunk) => new TextEncoder().encode(chunk)));
}

/** A source that begins, gives nothing more, and reports why it was cancelled. */
function stalledSource() {
  const cancelled = Promise.withResolvers<unknown>();
  const stream = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new Uint8Array(1)),
    cancel: cancelled.resolve,
  });
  return { stream, cancelled: cancelled.promise };
}

test("fetch() sends what it is given and no header of its own", async () => {
  const { url } = await serve(echo);
  const { fetch } = open();
  const answer = await fetch(`${url}a%2Fb?c=%20`, {
    headers: { "x-name": "Zoë", range: "bytes=0-1" },
  });
  expect(await answer.json()).toMatchObject({
    method: "GET",
    url: "/a%2Fb?c=%20",
    rawHeaders: [
      ...["host", new URL(url).host, "connection", "keep-alive"],
      ...["x-name", "Zoë", "range", "bytes=0-1"],
    ],
  });
});

test("fetch() answers with a Response: status, Latin-1 and repeated headers, the bytes as they are", async () => {
  const { url } = await serve((_incoming, outgoing) => {
    outgoing.writeHead(418, "Short and stout", [
      ...["x-name", "Zoë", "x-two", "1", "x-two", "2"],
      ...["content-encoding", "gzip", "set-cookie", "a=1", "set-cookie", "b=2"],
    ]);
    outgoing.end("not compressed at all");
  });
  const answer = await open().fetch(new URL(url));
  expect(answer).toBeInstanceOf(Response);
  expect(answer).toMatchObject({ status: 418, ok: false, statusText: "Short and stout", url });
  expect(answer.headers.get("x-name")).toBe("Zoë");
  expect(answer.headers.get("x-two")).toBe("1, 2");
  expect(answer.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
  const chunks: Uint8Array[] = [];
  for await (const chunk of answer.body as ReadableStream<Uint8Array>) chunks.push(chunk);
  expect(chunks.map((chunk) => chunk.constructor)).toEqual([Uint8Array]);
  expect(Buffer.concat(chunks).toString()).toBe("not compressed at all");
});

test.each([
  ["bytes", new Uint8Array([1, 2, 3]).subarray(1), ["content-length", "2"], "\u0002\u0003"],
  ["text", "ä", ["content-type", "text/plain;charset=UTF-8", "content-length", "2"], "Ã¤"],
  ["nothing", null, ["content-length", "0"], ""],
  ["a stream", streamOf("ab", "", "c"), ["transfer-encoding", "chunked"], "abc"],
])("fetch() sends a body of %s with a fitting length", async (_kind, body, headers, seen) => {
  const { url } = await serve(echo);
  const answer = await open().fetch(url, { method: "PUT", body, duplex: "half" });
  const reported = (await answer.json()) as { rawHeaders: string[]; body: string };
  expect(reported.rawHeaders.slice(4)).toEqual(headers);
  expect(reported.body).toBe(seen);
});

test("fetch() lets the platform take apart forms and Request objects", async () => {
  const { url } = await serve(echo);
  const { fetch } = open();
  const body = new URLSearchParams({ a: "b c" });
  const reported = await (await fetch(new Request(url, { method: "POST", body }))).json();
  expect(reported).toMatchObject({ method: "POST", body: "a=b+c" });
  const form = new FormData();
  form.set("name", "value");
  const answer = await fetch(url, { method: "POST", body: form });
  expect(((await answer.json()) as { body: string }).body).toContain('name="name"\r\n\r\nvalue');
});

test.each([
  ["shorter", ["abc"], "4"],
  ["longer", ["abc"], "2"],
  ["longer by a chunk", ["ab", "c"], "2"],
])("fetch() never completes a stream %s than its content-length", async (_how, chunks, length) => {
  let whole = 0;
  const { url, sockets } = await serve(async (incoming, outgoing) => {
    await read(incoming).catch(() => incoming.destroy());
    if (incoming.complete) whole += 1;
    outgoing.end();
  });
  const body = streamOf(...chunks);
  const headers = { "content-length": length };
  await expect(
    open().fetch(url, { method: "PUT", body, headers, duplex: "half" }),
  ).rejects.toMatchObject({ cause: { code: "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH" } });
  await soon(() => sockets.size).toBe(0);
  expect(whole).toBe(0);
});

test("fetch() sends a stream of exactly its content-length, with that length", async () => {
  const { url } = await serve(echo);
  const init = { method: "PUT", body: streamOf("ab", "c"), headers: { "Content-Length": "3" } };
  const answer = await open().fetch(url, { ...init, duplex: "half" });
  const reported = (await answer.json()) as { rawHeaders: string[]; body: string };
  expect(reported.rawHeaders.slice(4)).toEqual(["content-length", "3"]);
  expect(reported.body).toBe("abc");
});

test("fetch() fails with what made its body fail, and ends the connection", async () => {
  const { url, sockets } = await serve(() => {});
  const error = new Error("the disk is on fire");
  const body = new ReadableStream({ pull: (controller) => controller.error(error) });
  const failing = open().fetch(url, { method: "PUT", body, duplex: "half" });
  await expect(failing).rejects.toMatchObject({ message: "fetch failed", cause: error });
  await soon(() => sockets.size).toBe(0);
});

test("fetch() cancels a body that the server does not wait for", async () => {
  const { url } = await serve((_incoming, outgoing) => void outgoing.writeHead(403).end("no"));
  const source = stalledSource();
  const answer = await open().fetch(url, { method: "PUT", body: source.stream, duplex: "half" });
  expect(answer.status).toBe(403);
  expect(await answer.text()).toBe("no");
  await source.cancelled;
});

test.each([
  ["ECONNREFUSED", async () => `http://127.0.0.1:${await freePort()}/`],
  ["ENOTFOUND", async () => "http://nobody.invalid/"],
  ["UND_ERR_SOCKET", async () => (await serve((_, outgoing) => outgoing.destroy())).url],
])("fetch() fails with a TypeError whose cause says %s", async (code, place) => {
  const { fetch } = open();
  const failing = fetch(await place());
  await expect(failing).rejects.toBeInstanceOf(TypeError);
  await expect(failing).rejects.toMatchObject({ message: "fetch failed", cause: { code } });
});

async function freePort(): Promise<number> {
  const server = createTcpServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test.each([
  "ftp://127.0.0.1/",
  "http://user:pw@127.0.0.1/",
  "nonsense",
])("fetch() refuses %s", async (url) => {
  await expect(open().fetch(url)).rejects.toBeInstanceOf(TypeError);
});

test("fetch() does not send a request twice when its connection breaks", async () => {
  let requests = 0;
  const { url, sockets } = await serve((_incoming, outgoing) => {
    requests += 1;
    if (requests === 1) outgoing.end("kept open");
    else outgoing.destroy();
  });
  const { fetch } = open();
  await (await fetch(url)).text();
  expect(sockets.size).toBe(1);
  await expect(fetch(url)).rejects.toMatchObject({ cause: { code: "UND_ERR_SOCKET" } });
  expect(requests).toBe(2);
});

test("fetch() uses its connections again and again, HEAD and empty answers included", async () => {
  let connections = 0;
  const { url, server } = await serve(({ method }, outgoing) => {
    if (method === "DELETE") outgoing.writeHead(204);
    outgoing.end(method === "DELETE" ? undefined : "body");
  });
  server.on("connection", () => {
    connections += 1;
  });
  const { fetch } = open();
  for (const method of ["HEAD", "HEAD", "DELETE", "DELETE", "GET", "GET", "HEAD", "PUT"]) {
    const answer = await fetch(url, { method });
    expect(answer.body === null).toBe(method === "HEAD" || method === "DELETE");
    await answer.text();
  }
  // Undici looks at a connection for a moment before it uses it again: two take turns.
  expect(connections).toBeLessThanOrEqual(2);
});

test("fetch() rejects with the signal's reason before anything is sent", async () => {
  const source = stalledSource();
  const init = { method: "PUT", body: source.stream, signal: AbortSignal.abort("enough") };
  await expect(open().fetch("http://127.0.0.1:1/", { ...init, duplex: "half" })).rejects.toBe(
    "enough",
  );
  expect(await source.cancelled).toBe("enough");
});

test("fetch() rejects with the signal's reason while it waits for an answer, and lets go", async () => {
  const arrived = Promise.withResolvers<void>();
  const { url, sockets } = await serve(() => arrived.resolve());
  const abort = new AbortController();
  const source = stalledSource();
  const init = { method: "PUT", body: source.stream, signal: abort.signal };
  const waiting = open().fetch(url, { ...init, duplex: "half" });
  await arrived.promise;
  abort.abort();
  await expect(waiting).rejects.toMatchObject({ name: "AbortError" });
  expect(await source.cancelled).toMatchObject({ name: "AbortError" });
  await soon(() => sockets.size).toBe(0);
});

test("fetch() rejects with the signal's reason while it waits for a connection", async () => {
  const seen: unknown[] = [];
  const { url } = await serve((incoming, outgoing) => {
    seen.push(incoming.url);
    if (incoming.url === "/slow") outgoing.writeHead(200).write("begun");
    else outgoing.end("quick");
  });
  const { fetch } = open({ connectionsPerOrigin: 1 });
  const slow = await fetch(`${url}slow`);
  const abort = new AbortController();
  const waiting = fetch(`${url}given-up`, { signal: abort.signal });
  abort.abort("no patience");
  await expect(waiting).rejects.toBe("no patience");
  await slow.body?.cancel();
  expect(await (await fetch(url)).text()).toBe("quick");
  expect(seen).toEqual(["/slow", "/"]);
});

test("fetch() fails the body with the signal's reason once it is aborted, and lets go", async () => {
  const { url, sockets } = await serve((_incoming, outgoing) => void outgoing.write("begun"));
  const abort = new AbortController();
  const answer = await open().fetch(url, { signal: abort.signal });
  expect(getEventListeners(abort.signal, "abort")).toHaveLength(1);
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  expect((await reader.read()).value).toHaveLength(5);
  const next = reader.read();
  const reason = new Error("the caller hung up");
  abort.abort(reason);
  await expect(next).rejects.toBe(reason);
  expect(getEventListeners(abort.signal, "abort")).toHaveLength(0);
  await soon(() => sockets.size).toBe(0);
});

test("fetch() ends the connection of a body that is cancelled", async () => {
  const { url, sockets } = await serve((_incoming, outgoing) => void outgoing.write("begun"));
  const answer = await open().fetch(url);
  expect(sockets.size).toBe(1);
  await answer.body?.cancel();
  await soon(() => sockets.size).toBe(0);
});

test.each([
  ["of known length", { "content-length": "10" }],
  ["in chunks", {}],
])("fetch() fails a body %s that breaks off", async (_kind, headers) => {
  const { url } = await serve((_incoming, outgoing) => {
    outgoing.writeHead(200, headers).write("begun", () => outgoing.destroy());
  });
  const answer = await open().fetch(url);
  await expect(answer.text()).rejects.toMatchObject({
    name: "TypeError",
    message: "terminated",
    cause: { code: "UND_ERR_SOCKET" },
  });
});

test("fetch() reads no further ahead than a bit, and goes on when asked", async () => {
  const chunk = Buffer.alloc(2 ** 20);
  const stalled = Promise.withResolvers<number>();
  const { url } = await serve(async (_incoming, outgoing) => {
    for (let sent = 1; sent <= 64; sent += 1) {
      if (outgoing.write(chunk)) continue;
      const drained = once(outgoing, "drain").then(() => true);
      const again = new Promise<false>((resolve) => setTimeout(resolve, 200, false));
      if (!(await Promise.race([drained, again]))) stalled.resolve(sent);
      await drained;
    }
    outgoing.end();
  });
  const answer = await open().fetch(url);
  expect(await stalled.promise, "what the kernel's buffers take, not 64 MiB").toBeLessThan(32);
  let bytes = 0;
  for await (const part of answer.body as ReadableStream<Uint8Array>) bytes += part.byteLength;
  expect(bytes).toBe(64 * chunk.length);
});

test("fetch() leaves no connection and no error behind after 1,000 aborts at any moment", async () => {
  const { url, sockets } = await serve(async (incoming, outgoing) => {
    await read(incoming).catch(() => {});
    outgoing.write(Buffer.alloc(100_000));
    setImmediate(() => outgoing.end(Buffer.alloc(100_000)));
  });
  const descriptors = (): number => readdirSync("/proc/self/fd").length;
  const before = descriptors();
  const { fetch, close } = open({ connectionsPerOrigin: 50 });
  let aborted = 0;
  const attempt = async (index: number): Promise<void> => {
    const abort = new AbortController();
    // A fifth lives, a fifth ends between head and body, the others at any moment.
    if (index % 5 > 1) setTimeout(() => abort.abort(), index % 40);
    const body = index % 2 === 0 ? null : streamOf("some", "bytes");
    const init = { method: "PUT", body, signal: abort.signal, duplex: "half" } as const;
    try {
      const answer = await fetch(url, init);
      if (index % 5 === 1) abort.abort();
      if (index % 3 === 0) await answer.body?.cancel();
      else await answer.arrayBuffer();
    } catch (error) {
      expect(error).toMatchObject({ name: "AbortError" });
      aborted += 1;
    }
  };
  for (let round = 0; round < 10; round += 1) {
    await Promise.all(Array.from({ length: 100 }, (_, index) => attempt(index)));
  }
  expect(aborted).toBeGreaterThanOrEqual(100);
  expect(aborted).toBeLessThanOrEqual(800);
  const whole = await (await fetch(url)).arrayBuffer();
  expect(whole.byteLength, "it still works").toBe(200_000);
  await close();
  await soon(() => sockets.size).toBe(0);
  await soon(descriptors).toBeLessThanOrEqual(before + 2);
});

test("close() ends requests, idle connections and such that are being made, at once", async () => {
  const { url, sockets } = await serve((incoming, outgoing) => {
    if (incoming.url === "/idle") outgoing.end();
    else outgoing.write("begun");
  });
  // Takes connections and does not say hello.
  const silent = createTcpServer((socket) => void socket.resume());
  const silentPort = await listen(silent);
  const silentSockets = socketsOf(silent);
  const { fetch, close } = createNodeFetch({ env: {} });
  await (await fetch(`${url}idle`)).text();
  const reading = (await fetch(url)).text();
  const connecting = fetch(`https://127.0.0.1:${silentPort}/`);
  const outcomes = Promise.allSettled([reading, connecting]);
  await soon(() => silentSockets.size).toBe(1);
  await close();
  expect((await outcomes).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  await soon(() => sockets.size + silentSockets.size).toBe(0);
  await expect(fetch(url)).rejects.toMatchObject({ cause: { code: "UND_ERR_DESTROYED" } });
});

test("fetch() follows redirects as fetch does, and hands no secrets to another origin", async () => {
  const other = await serve(echo);
  const { url } = await serve((incoming, outgoing) => {
    const [, status, where] = /^\/(\d+)\/(.*)/.exec(incoming.url ?? "") ?? [];
    if (status === undefined) return void echo(incoming, outgoing);
    incoming.resume();
    outgoing.writeHead(Number(status), { location: where === "other" ? other.url : `/${where}` });
    outgoing.end();
  });
  const { fetch } = open();
  const headers = { authorization: "Bearer secret", "content-type": "text/x", "x-kept": "1" };
  const send = async (path: string, init: RequestInit = {}) => {
    const answer = await fetch(url + path, { headers, ...init });
    const reported = (await answer.json()) as {
      method: string;
      rawHeaders: string[];
      body: string;
    };
    return { ...reported, url: answer.url };
  };
  const same = await send("301/there");
  expect(same).toMatchObject({ method: "GET", url: `${url}there` });
  expect(same.rawHeaders).toContain("authorization");
  const away = await send("307/other", { method: "PUT", body: "again" });
  expect(away).toMatchObject({ method: "PUT", body: "again", url: other.url });
  expect(away.rawHeaders).not.toContain("authorization");
  expect(away.rawHeaders).toContain("x-kept");
  const asGet = await send("303/there", { method: "PUT", body: "dropped" });
  expect(asGet).toMatchObject({ method: "GET", body: "" });
  expect(asGet.rawHeaders).not.toContain("content-type");
  expect(await send("302/there", { method: "POST", body: "x" })).toMatchObject({ method: "GET" });
  const stream = { method: "PUT", body: streamOf("x"), duplex: "half" } as const;
  await expect(send("308/there", stream)).rejects.toThrow("fetch failed");
  await expect(send(`${"302/".repeat(21)}there`)).rejects.toThrow("fetch failed");
  await expect(send("302/there", { redirect: "error" })).rejects.toThrow("fetch failed");
  const manual = await fetch(`${url}302/there`, { redirect: "manual" });
  expect([manual.status, manual.headers.get("location")]).toEqual([302, "/there"]);
});

test("fetch() goes through the proxy that the environment names, except where NO_PROXY says", async () => {
  const seen: string[] = [];
  const { url, server } = await serve((incoming, outgoing) => {
    seen.push(incoming.url ?? "");
    outgoing.end("from the proxy");
  });
  server.on("connect", (incoming, socket) => {
    seen.push(`CONNECT ${incoming.url}`);
    socket.end("HTTP/1.1 502 No\r\n\r\n");
  });
  const direct = await serve((_incoming, outgoing) => void outgoing.end("direct"));
  const env = { HTTP_PROXY: url, https_proxy: url, NO_PROXY: "127.0.0.1" };
  const { fetch } = open({ env });
  expect(await (await fetch("http://bucket.invalid/key?q")).text()).toBe("from the proxy");
  await expect(fetch("https://bucket.invalid/")).rejects.toThrow("fetch failed");
  expect(await (await fetch(direct.url)).text()).toBe("direct");
  expect(seen).toEqual(["http://bucket.invalid/key?q", "CONNECT bucket.invalid:443"]);
});

test("fetch() gives up a server that takes no more of a body, but waits for a slow answer", async () => {
  const server = createTcpServer({ pauseOnConnect: true });
  socketsOf(server);
  const url = `http://127.0.0.1:${await listen(server)}/`;
  const { fetch } = open({ writeStallMs: 200 });
  // More than the buffers of both kernels hold.
  const body = new Uint8Array(64 * 1024 * 1024);
  await expect(fetch(url, { method: "PUT", body })).rejects.toMatchObject({
    cause: { code: "ERR_WRITE_STALLED" },
  });
  const slow = await serve(async (incoming, outgoing) => {
    await read(incoming);
    setTimeout(() => outgoing.end("done"), 500);
  });
  expect(await (await fetch(slow.url, { method: "PUT", body: "hello" })).text()).toBe("done");
});
