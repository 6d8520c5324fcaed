import type { ServerResponse } from "node:http";
import { expect, test } from "vitest";
import { createClient } from "../../src/client.ts";
import { answering, breakOff, json, problem } from "./scene.ts";

/** A handler that sends these messages, and then ends, breaks, or stays silent. */
function telling(text: string, then: "end" | "break" | "wait" = "end") {
  return (_: unknown, response: ServerResponse): void => {
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    response.write(`retry: 1\n\n${text}`, () => {
      if (then === "end") response.end();
      if (then === "break") response.destroy();
    });
  };
}

function message(id: number, status: string): string {
  const data = { upload_id: "1", status, attempts: 0, error: null, at: "2026-11-24T00:00:00.000Z" };
  return `id: ${id}\nevent: ${status}\ndata: ${JSON.stringify(data)}\n\n`;
}

const AT_REST = (_: unknown, response: ServerResponse): void => void response.writeHead(204).end();

async function follow(url: string, options = {}): Promise<string[]> {
  const seen: string[] = [];
  for await (const { id, status } of createClient({ baseUrl: url }).events("1", options)) {
    seen.push(`${id} ${status}`);
  }
  return seen;
}

test("events() resumes after the last message when the stream is cut, until the upload is settled", async () => {
  const { url, requests } = await answering(
    telling(message(1, "stored") + message(2, "queued"), "break"),
    breakOff,
    problem(503, "server_busy", { "Retry-After": "0" }),
    telling(`:\n\n${message(3, "processing").slice(0, 20)}`, "break"),
    telling(message(3, "processing") + message(4, "processed")),
    AT_REST,
  );
  expect(await follow(url)).toEqual(["1 stored", "2 queued", "3 processing", "4 processed"]);
  const sent = requests.map(({ headers }) => headers["last-event-id"]);
  expect(sent).toEqual([undefined, "2", "2", "2", "2", "4"]);
});

test("events() does not end at an earlier settled status", async () => {
  const { url } = await answering(
    telling(message(1, "stored")),
    telling(message(2, "queued") + message(3, "processed")),
    AT_REST,
  );
  expect(await follow(url)).toEqual(["1 stored", "2 queued", "3 processed"]);
});

test("events() begins after the known event, and ends if nothing has happened since", async () => {
  const { url, requests } = await answering(AT_REST);
  expect(await follow(url, { after: "7" })).toEqual([]);
  expect(requests[0]?.headers).toMatchObject({ "last-event-id": "7", accept: "text/event-stream" });
});

test("events() ends with the upload", async () => {
  const { url, requests } = await answering(telling(message(1, "deleted")));
  expect(await follow(url)).toEqual(["1 deleted"]);
  expect(requests.length).toBe(1);
});

test("events() reads messages however the network splits them and whatever ends their lines", async () => {
  const text = (message(1, "queued") + message(2, "processed")).replaceAll("\n", "\r\n");
  const { url } = await answering((_, response) => {
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    const bytes = Buffer.from(text.replace('"attempts"', '"ä":"é","attempts"'));
    const send = (at: number): void => {
      if (at >= bytes.length) response.end();
      else response.write(bytes.subarray(at, at + 7), () => setImmediate(send, at + 7));
    };
    send(0);
  }, AT_REST);
  expect(await follow(url)).toEqual(["1 queued", "2 processed"]);
});

test("events() gives up on streams that keep breaking", async () => {
  const { url, requests } = await answering(telling("", "break"));
  await expect(follow(url)).rejects.toMatchObject({ code: "connection_failed" });
  expect(requests.length).toBe(5);
});

test("events() ends with the reason of its signal, and with the loop that reads it", async () => {
  const { url, requests } = await answering(telling(message(1, "queued"), "wait"));
  const stop = new AbortController();
  const reason = new Error("enough");
  const seen: string[] = [];
  const following = (async () => {
    const client = createClient({ baseUrl: url });
    for await (const { status } of client.events("1", { signal: stop.signal })) {
      seen.push(status);
      stop.abort(reason);
    }
  })();
  await expect(following).rejects.toBe(reason);
  const closed = new Promise((resolve) => requests[0]?.once("close", resolve));
  for await (const _ of createClient({ baseUrl: url }).events("1")) break;
  await closed;
  const left = new Promise((resolve) => requests[1]?.once("close", resolve));
  await left;
  expect(seen).toEqual(["queued"]);
});

test("events() of an upload that is missing fails", async () => {
  const { url } = await answering(problem(404, "upload_not_found"));
  await expect(follow(url)).rejects.toMatchObject({ code: "upload_not_found" });
});

test("waitFor() resolves to the settled upload", async () => {
  const { url } = await answering(
    telling(message(1, "queued") + message(2, "failed")),
    AT_REST,
    json(200, { id: "1", status: "failed" }),
  );
  expect(await createClient({ baseUrl: url }).waitFor("1")).toMatchObject({ status: "failed" });
});
