import { createHash } from "node:crypto";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AbusedServer, KEYS, MINE, SECRETS } from "../../support/abused-server.ts";
import { Wire } from "../wire.ts";
import { type Answer, codeOf, findFaults, readAnswers } from "./answers.ts";
import { BODIES } from "./bodies.ts";
import type { Bytes, Case } from "./case.ts";
import { CHANGES } from "./changes.ts";
import { FORMS } from "./forms.ts";
import { FRAMING } from "./framing.ts";
import { HEADS } from "./heads.ts";
import { QUESTIONS } from "./questions.ts";

const CASES: readonly Case[] = [
  ...FRAMING,
  ...HEADS,
  ...FORMS,
  ...QUESTIONS,
  ...BODIES,
  ...CHANGES,
];

const ends: (() => Promise<void>)[] = [];
let abused: AbusedServer;
let cursors = { mine: "", theirs: "" };
let before: { readonly descriptors: number; readonly heldBytes: number };
/** Ids of all that was answered with 201, by what was sent. */
const acknowledged = new Map<string, string>();

beforeAll(async () => {
  abused = await AbusedServer.start((end) => ends.push(end), {
    MAX_UPLOAD_BYTES: "1000",
    UPLOAD_LEASE_SECONDS: "5",
    RECONCILE_INTERVAL_SECONDS: "1",
    LOG_LEVEL: "debug",
  });
  // One page of one upload, and another to come.
  for (const key of [KEYS.acme, KEYS.other]) await abused.put(key, "second.txt", "second");
  cursors = { mine: await abused.cursor(KEYS.acme), theirs: await abused.cursor(KEYS.other) };
  before = { descriptors: abused.descriptors().length, heldBytes: await abused.heldBytes() };
});

afterAll(async () => {
  for (const end of ends) await end();
});

function fill<Piece extends Bytes | RegExp>(piece: Piece): Piece | string {
  if (typeof piece !== "string") return piece;
  return piece
    .replaceAll("{mine}", abused.ids.mine)
    .replaceAll("{theirs}", abused.ids.theirs)
    .replaceAll("{myCursor}", cursors.mine)
    .replaceAll("{theirCursor}", cursors.theirs);
}

async function send({ send, goodbye }: Case): Promise<Answer[]> {
  const wire = await Wire.open(abused.server.url);
  let together: Buffer[] = [];
  for (const piece of [...send.map(fill), /^/]) {
    if (!(piece instanceof RegExp)) {
      together.push(Buffer.from(piece));
      continue;
    }
    // At once: the answer to the first half must not meet a sender who is still at the second.
    await wire.send(Buffer.concat(together));
    together = [];
    await wire.until(piece);
  }
  if (goodbye === "reset") await wire.reset();
  if (goodbye === "answered") {
    await wire.until(/"request_id"/);
    wire.socket.end();
  }
  if (goodbye === "end") wire.socket.end();
  await wire.closed;
  return goodbye === "reset" ? [] : readAnswers(wire.received, String(send[0]).startsWith("HEAD"));
}

function inWords({ status, code }: { status: number; code?: string | undefined }): string {
  return code === undefined ? String(status) : `${status} ${code}`;
}

function digest(bytes: Bytes): string {
  return createHash("sha256").update(bytes).digest("hex");
}

test.each(CASES)("$name", { timeout: 10_000 }, async (one) => {
  const answers = await send(one);
  expect(answers.map((answer) => inWords({ status: answer.status, code: codeOf(answer) }))).toEqual(
    one.expect.map(inWords),
  );
  for (const answer of answers) {
    expect(findFaults(answer, SECRETS)).toEqual([]);
    if (answer.status !== 201) continue;
    const upload = JSON.parse(answer.body) as { id: string; sha256: string };
    acknowledged.set(upload.id, upload.sha256);
    if (one.stored !== undefined) expect(upload.sha256).toBe(digest(one.stored));
  }
  const [first] = answers;
  if (one.holds !== undefined) expect(`${first?.head}\r\n\r\n${first?.body}`).toMatch(one.holds);
});

const PATIENCE = { timeout: 20_000, interval: 50 };

test.each([
  ["words that are no HTTP", "garbage\r\n\r\n"],
  ["a tunnel", "CONNECT a.test:80 HTTP/1.1\r\nHost: a.test:80\r\n\r\n"],
])("a client that sends %s and stays is disconnected, and one that leaves at once does no harm", async (_, text) => {
  const { hostname, port } = new URL(abused.server.url);
  const connections = Array.from({ length: 20 }, (_, index) => {
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    socket.on("error", () => {});
    socket.on("connect", () => {
      if (index % 2 === 0) socket.write(text);
      else socket.write(text, () => socket.resetAndDestroy());
    });
    return new Promise((resolve) => socket.resume().once("end", resolve).once("close", resolve));
  });
  await Promise.all(connections);
  const more = () => abused.descriptors().length - before.descriptors;
  await expect.poll(more, PATIENCE).toBeLessThanOrEqual(2);
  expect(abused.server.child.exitCode).toBeNull();
});

test("after all of it nothing lies about, and all that was acknowledged is there", async () => {
  await expect.poll(() => abused.leftovers(), PATIENCE).toEqual([]);
  expect(acknowledged.size).toBeGreaterThan(10);
  for (const [id, sha256] of acknowledged) {
    const answer = await abused.call(KEYS.acme, "GET", `/upload/${id}/file`);
    expect([id, digest(await answer.bytes())]).toEqual([id, sha256]);
  }
  const mine = await abused.call(KEYS.acme, "GET", `/upload/${abused.ids.mine}/file`);
  expect(await mine.text()).toBe(MINE.text);
});

test("after all of it the server is as it was", async () => {
  expect(abused.server.child.exitCode).toBeNull();
  const more = () => abused.descriptors().length - before.descriptors;
  await expect.poll(more, PATIENCE).toBeLessThanOrEqual(2);
  const growth = async () => (await abused.heldBytes()) - before.heldBytes;
  await expect.poll(growth, PATIENCE).toBeLessThan(16 * 2 ** 20);
});

test("none of it has brought a secret, a name or a word of a document to light", () => {
  expect(abused.leaks()).toEqual([]);
  const failed = abused.server.log.filter(({ level }) => level === "error");
  expect(failed).toEqual([]);
});
