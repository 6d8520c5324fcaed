import { createHash, randomBytes, randomInt } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { ServerProcess } from "../support/server-process.ts";
import { tempFolder } from "../support/temp-folder.ts";

const ROUNDS = 8;
const KEYS_A_ROUND = 6;

/** How names of temp files begin whose objects lie in `.stowage/`. */
const PROBES = `${createHash("sha256").update(".stowage").digest("hex").slice(0, 32)}-`;

interface Request {
  readonly key: string;
  readonly bytes: Buffer;
}

test("an Idempotency-Key makes one upload, however often its server is killed meanwhile", {
  timeout: 120_000,
}, async () => {
  const folder = tempFolder();
  const env = {
    FILE_STORAGE_PATH: join(folder, "uploads"),
    DATABASE_URL: `sqlite:${join(folder, "stowage.db")}`,
    UPLOAD_LEASE_SECONDS: "5",
    RECONCILE_INTERVAL_SECONDS: "1",
  };
  const authorization = () =>
    `Bearer ${readFileSync(join(folder, "first-api-key"), "utf8").trim()}`;
  const send = async (server: ServerProcess, { key, bytes }: Request) => {
    const answer = await fetch(`${server.url}/api/v1/upload/a.bin`, {
      method: "PUT",
      headers: { authorization: authorization(), "idempotency-key": key },
      body: bytes,
    });
    return { status: answer.status, body: (await answer.json()) as { id: string; sha256: string } };
  };

  const requests: Request[] = [];
  const acknowledged = new Map<string, string>();
  for (let round = 0; round < ROUNDS; round += 1) {
    const server = await ServerProcess.start(env);
    const fresh = Array.from({ length: KEYS_A_ROUND }, (_, i) => ({
      key: `round-${round}-${i}`,
      bytes: randomBytes(randomInt(1, 3_000_000)),
    }));
    requests.push(...fresh);
    // Killed after so many answers: before the first, among them, or right after the last. Each is sent twice.
    let left = randomInt(KEYS_A_ROUND + 1);
    const kill = () => void (left-- <= 0 && server.child.kill("SIGKILL"));
    kill();
    const sent = [...fresh, ...fresh].map(async (request) => {
      try {
        const { status, body } = await send(server, request);
        expect(status).toBeOneOf([201, 409]);
        if (status === 201) acknowledged.set(request.key, body.id);
        kill();
      } catch (error) {
        // The server is gone; the client does not know how far it came.
        if (!(error instanceof TypeError)) throw error;
      }
    });
    await Promise.all(sent);
    server.child.kill("SIGKILL");
    await server.ended;
  }

  const server = await ServerProcess.start(env);
  const made = new Map<string, string>();
  for (const request of requests) {
    let answer = await send(server, request);
    // Whose first request died waits for its lease to end.
    await expect
      .poll(
        async () => {
          answer = await send(server, request);
          return answer.status;
        },
        { timeout: 40_000, interval: 500 },
      )
      .toBe(201);
    const { id, sha256 } = answer.body;
    expect(sha256).toBe(createHash("sha256").update(request.bytes).digest("hex"));
    expect(acknowledged.get(request.key) ?? id).toBe(id);
    made.set(request.key, id);
  }
  expect(new Set(made.values()).size).toBe(requests.length);

  // Nothing else is there: no second upload of a key, no object without a record, no temp file.
  const uploads = join(folder, "uploads");
  const names = (path: string) => (existsSync(path) ? readdirSync(path).sort() : []);
  const ids = [...made.values()].sort();
  await expect.poll(() => names(join(uploads, "default")), { timeout: 30_000 }).toEqual(ids);
  // A server also writes a probe when it starts. If it died with that, the file goes two minutes later.
  const temporary = () =>
    names(join(uploads, ".stowage", "tmp")).filter((name) => !name.startsWith(PROBES));
  await expect.poll(temporary, { timeout: 30_000 }).toEqual([]);
  const list = await fetch(`${server.url}/api/v1/upload?limit=200`, {
    headers: { authorization: authorization() },
  });
  const { items } = (await list.json()) as { items: { id: string }[] };
  expect(items.map(({ id }) => id).sort()).toEqual(ids);
  await server.kill("SIGTERM");
});

test("50 requests at once with one Idempotency-Key make one upload", async () => {
  const folder = tempFolder();
  const server = await ServerProcess.start({
    FILE_STORAGE_PATH: join(folder, "uploads"),
    DATABASE_URL: `sqlite:${join(folder, "stowage.db")}`,
  });
  const authorization = `Bearer ${readFileSync(join(folder, "first-api-key"), "utf8").trim()}`;
  const send = async (key: string, body: string) => {
    const answer = await fetch(`${server.url}/api/v1/upload/a.txt`, {
      method: "PUT",
      headers: { authorization, "idempotency-key": key, "content-type": "text/plain" },
      body,
    });
    const { id, code } = (await answer.json()) as { id: string; code?: string };
    return { status: answer.status, id, code };
  };
  const bodies = { same: () => "x".repeat(200_000), different: (i: number) => `${i}`.repeat(99) };
  for (const [key, body] of Object.entries(bodies)) {
    const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => send(key, body(i))));
    const created = answers.filter(({ status }) => status === 201);
    const outcomes = answers.map((answer) => `${answer.status} ${answer.code}`);
    expect(new Set(created.map(({ id }) => id)).size, String([...new Set(outcomes)])).toBe(1);
    const codes = new Set(answers.filter(({ status }) => status !== 201).map(({ code }) => code));
    for (const code of codes) {
      expect(code).toBeOneOf(["idempotency_key_in_use", "idempotency_key_reused"]);
    }
    if (key === "different") expect(created).toHaveLength(1);
  }
  expect(readdirSync(join(folder, "uploads", "default"))).toHaveLength(2);
});

const DYING_DRIVER = fileURLToPath(new URL("dying-driver.ts", import.meta.url));

/** Kill a server when a keyed upload has come as far as `point`, and send it again to the next one. */
async function retryAfterDeathAt(point: string): Promise<void> {
  const folder = tempFolder();
  const bytes = randomBytes(300_000);
  const env = {
    FILE_STORAGE_TYPE: "dying",
    FILE_STORAGE_PATH: "uploads",
    STOWAGE_DRIVERS: DYING_DRIVER,
    DATABASE_URL: `sqlite:${join(folder, "stowage.db")}`,
    UPLOAD_LEASE_SECONDS: "5",
    RECONCILE_INTERVAL_SECONDS: "1",
    // No room for it twice: what the first one held has to be given back.
    QUOTA_BYTES: String(bytes.length),
  };
  const call = async (server: ServerProcess, path: string, init: RequestInit = {}) => {
    const authorization = `Bearer ${readFileSync(join(folder, "first-api-key"), "utf8").trim()}`;
    const headers = { authorization, ...(init.headers as Record<string, string>) };
    return await fetch(`${server.url}/api/v1/upload${path}`, { ...init, headers });
  };
  const send = (server: ServerProcess, key: string) =>
    call(server, "/a.bin", { method: "PUT", body: bytes, headers: { "idempotency-key": key } });

  const inFolder = ["env", "-C", folder];
  const dying = await ServerProcess.start({ ...env, DIE_AT: point }, inFolder);
  await expect(send(dying, "key")).rejects.toThrow(TypeError);
  expect(await dying.ended).toMatchObject({ signal: "SIGKILL" });

  const server = await ServerProcess.start(env, inFolder);
  let answer = await send(server, "key");
  if (point !== "after_commit") expect(answer.status).toBe(409);
  while (answer.status === 409) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    answer = await send(server, "key");
  }
  expect([answer.status, answer.headers.get("idempotency-replayed")]).toEqual([
    201,
    point === "after_commit" ? "true" : null,
  ]);
  const { id } = (await answer.json()) as { id: string };

  const list = await call(server, "");
  const { items } = (await list.json()) as { items: { id: string }[] };
  expect(items.map((item) => item.id)).toEqual([id]);
  expect(Buffer.from(await (await call(server, `/${id}/file`)).bytes()).equals(bytes)).toBe(true);
  // The reconciler removes what the first one left.
  const uploads = () => readdirSync(join(folder, "uploads", "default"));
  await expect.poll(uploads, { timeout: 20_000 }).toEqual([id]);
  const arriving = async () => (await call(server, "?status=uploading")).json();
  await expect.poll(arriving, { timeout: 20_000 }).toMatchObject({ items: [] });
  expect((await send(server, "another")).status).toBe(413);
  await server.kill("SIGTERM");
}

test("an Idempotency-Key makes one upload, wherever its server died: reserved, stored, committed", {
  timeout: 120_000,
}, async () => {
  await Promise.all(["after_reserve", "after_put", "after_commit"].map(retryAfterDeathAt));
});
