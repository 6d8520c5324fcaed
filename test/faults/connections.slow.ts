import { connect, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { head, Wire } from "../http/wire.ts";
import { AbusedServer, KEYS } from "../support/abused-server.ts";

const MIB = 2 ** 20;
const FILE_BYTES = 20_000_000;
const PATIENCE = { timeout: 120_000, interval: 250 };
const READER = { Authorization: `Bearer ${KEYS.reader}` };

async function start(env: Readonly<Record<string, string>> = {}) {
  const abused = await AbusedServer.start(onTestFinished, env);
  const { hostname, port } = new URL(abused.server.url);
  const file = await abused.put(KEYS.acme, "large.bin", "x".repeat(FILE_BYTES));
  return {
    abused,
    get: head(`GET /api/v1/upload/${file}/file`, READER),
    live: async () => (await fetch(`${abused.server.url}/health/live`)).status,
    /** Connections that send `bytes` and read nothing. */
    async stall(count: number, bytes: string): Promise<Socket[]> {
      const sockets: Socket[] = [];
      for (let index = 0; index < count; index += 1) {
        const socket = connect({ host: hostname, port: Number(port) });
        socket.on("error", () => {}).pause();
        await new Promise((resolve) => socket.once("connect", resolve));
        socket.write(bytes);
        sockets.push(socket);
      }
      return sockets;
    },
    /** Downloads that were begun. */
    begun: () =>
      abused.server.log.filter(({ route }) => route === "/api/v1/upload/{id}/file").length,
    files: () => abused.descriptors().filter((target) => target.endsWith("large.bin")).length,
  };
}

function leave(sockets: readonly Socket[]): void {
  for (const socket of sockets) socket.destroy();
}

/** The server has closed what it had open, and its memory goes back with one of the next collections. */
async function expectAsBefore(
  abused: AbusedServer,
  base: { readonly bytes: number; readonly descriptors: number },
): Promise<void> {
  const descriptors = () => abused.descriptors().length;
  await expect.poll(descriptors, PATIENCE).toBeLessThanOrEqual(base.descriptors + 2);
  const grownBytes = async () => (await abused.heldBytes()) - base.bytes;
  await expect.poll(grownBytes, PATIENCE).toBeLessThan(8 * MIB);
}

test("100 connections that pipeline 2,000 downloads each cost 64 MiB at the most, and two descriptors", async () => {
  const { abused, get, live, stall, begun } = await start({ MIN_TRANSFER_BYTES_PER_SECOND: "0" });
  await live();
  const base = {
    bytes: await abused.heldBytes(),
    resident: abused.residentBytes(),
    descriptors: abused.descriptors().length,
  };
  const sockets = await stall(100, get.repeat(2000));
  await expect.poll(begun, PATIENCE).toBe(100);
  for (let round = 0; round < 20; round += 1) {
    expect(await live()).toBe(200);
    expect(abused.residentBytes() - base.resident).toBeLessThan(64 * MIB);
    expect((await abused.heldBytes()) - base.bytes).toBeLessThan(64 * MIB);
    expect(abused.descriptors().length - base.descriptors).toBeLessThanOrEqual(2 * 100 + 4);
  }
  // Each was served its first download, and no other.
  expect(begun()).toBe(100);
  leave(sockets);
  await expectAsBefore(abused, base);
});

test("5 connections that pipeline 600 lists each leave the server its memory, and everyone else theirs", async () => {
  const { abused, live, stall } = await start();
  const name = "n".repeat(150);
  for (let index = 0; index < 200; index += 1) await abused.put(KEYS.acme, `${name}${index}`, "x");
  const base = await abused.heldBytes();
  const sockets = await stall(5, head("GET /api/v1/upload?limit=200", READER).repeat(600));
  for (let round = 0; round < 20; round += 1) {
    expect(await live()).toBe(200);
    expect((await abused.heldBytes()) - base).toBeLessThan(32 * MIB);
  }
  leave(sockets);
});

test("1,000 readers that take nothing hold 128 KiB each at the most, and no file", async () => {
  const { abused, get, live, stall, begun, files } = await start({
    MIN_TRANSFER_BYTES_PER_SECOND: "0",
  });
  const base = { bytes: await abused.heldBytes(), descriptors: abused.descriptors().length };
  const sockets = await stall(1000, get);
  await expect.poll(begun, PATIENCE).toBe(1000);
  await expect.poll(files, PATIENCE).toBe(0);
  expect(await live()).toBe(200);
  expect(((await abused.heldBytes()) - base.bytes) / 1000).toBeLessThan(128 * 1024);
  // One of them goes on, and gets every byte.
  const [reader] = sockets as [Socket];
  let bytes = 0;
  reader.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
  });
  reader.resume();
  await expect.poll(() => bytes, PATIENCE).toBeGreaterThan(FILE_BYTES);
  leave(sockets);
  await expectAsBefore(abused, base);
});

test("1,000 connections that send half a head are refused in time, and leave nothing", async () => {
  const { abused, live, stall } = await start();
  const base = { bytes: await abused.heldBytes(), descriptors: abused.descriptors().length };
  const sockets = await stall(1000, "GET /health/live HTTP/1.1\r\nHo");
  const closed = sockets.map((socket) => new Promise((resolve) => socket.once("close", resolve)));
  for (const socket of sockets) socket.resume();
  expect(await live()).toBe(200);
  await Promise.all(closed);
  expect(await live()).toBe(200);
  await expectAsBefore(abused, base);
});

test("connections have a bound, which readiness shows and the log notes", async () => {
  const { abused } = await start({ MAX_CONNECTIONS: "20" });
  const { url } = abused.server;
  const wires = await Promise.all(Array.from({ length: 19 }, () => Wire.open(url)));
  const [asking] = wires as [Wire];
  await asking.send(head("GET /health/ready", {}));
  const ready = await asking.until(/"connections":\{[^}]*\}/);
  expect(ready).toMatch(/"connections":\{"open":(19|20),"limit":20\}/);
  const noted = abused.server.nextLog("server.connections_dropped");
  const dropped = await Promise.all(Array.from({ length: 10 }, () => Wire.open(url)));
  await Promise.race(dropped.map(({ closed }) => closed));
  expect(await noted).toMatchObject({ limit: 20 });
  await Promise.all([...wires, ...dropped].map((wire) => wire.reset()));
  await expect.poll(async () => (await fetch(`${url}/health/live`)).status, PATIENCE).toBe(200);
});

test("SIGTERM while 20 uploads stand still: readiness falls first, and what is cut is undone", async () => {
  const { abused } = await start({ SHUTDOWN_DELAY_SECONDS: "2", SHUTDOWN_GRACE_SECONDS: "1" });
  const { server } = abused;
  const wires = await Promise.all(Array.from({ length: 20 }, () => Wire.open(server.url)));
  const put = head("PUT /api/v1/upload/still.bin", {
    Authorization: `Bearer ${KEYS.acme}`,
    "Content-Length": 1_000_000,
  });
  await Promise.all(wires.map((wire) => wire.send(put, "x".repeat(100_000))));
  const uploading = () => abused.rows().filter(({ status }) => status === "uploading").length;
  await expect.poll(uploading, PATIENCE).toBe(20);
  server.child.kill("SIGTERM");
  const ready = async () => (await fetch(`${server.url}/health/ready`)).status;
  await expect.poll(ready, { timeout: 1_500, interval: 20 }).toBe(503);
  // It still takes what balancers send until they have looked.
  await abused.put(KEYS.acme, "late.txt", "late");
  expect(await server.ended).toEqual({ code: 0, signal: null });
  expect(uploading()).toBe(0);
  expect(abused.leftovers()).toEqual([]);
  const troubles = server.log.filter(({ level }) => level === "error").map(({ event }) => event);
  expect(troubles).toEqual([]);
  expect(JSON.stringify(server.log)).not.toContain("they are closed");
});
