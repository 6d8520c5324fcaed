import { createHash, randomBytes, randomInt } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ServerProcess } from "../support/server-process.ts";
import { tempFolder } from "../support/temp-folder.ts";

const ROUNDS = 20;
const WRITERS = 8;
/** How long a reservation outlives its writer here; the reconciler looks every second. */
const LEASE_SECONDS = 5;

interface Acknowledged {
  readonly id: string;
  readonly sha256: string;
  readonly processed: boolean;
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** One upload after the other until the server is gone. */
async function write(
  base: string,
  headers: Record<string, string>,
  acknowledge: (upload: Acknowledged) => void,
): Promise<void> {
  for (;;) {
    const text = randomInt(3) === 0;
    // From nothing to several chunks; text is made of hexadecimal digits.
    const bytes = text
      ? Buffer.from(randomBytes(64).toString("hex"))
      : randomBytes(randomInt(400_000));
    const name = text ? "note.txt" : "blob.bin";
    try {
      const answer = await fetch(`${base}/upload/${name}?auto_process=${text}`, {
        method: "PUT",
        headers: { ...headers, "content-type": text ? "text/plain" : "application/octet-stream" },
        body: bytes,
      });
      const { id } = (await answer.json()) as { id: string };
      if (answer.status === 201) acknowledge({ id, sha256: sha256(bytes), processed: text });
    } catch {
      return;
    }
  }
}

test(`${ROUNDS} SIGKILLs under ${WRITERS} writers lose nothing that was acknowledged`, {
  timeout: 150_000,
}, async () => {
  const folder = tempFolder();
  const env = {
    FILE_STORAGE_PATH: join(folder, "uploads"),
    DATABASE_URL: `sqlite:${join(folder, "stowage.db")}`,
    UPLOAD_LEASE_SECONDS: String(LEASE_SECONDS),
    RECONCILE_INTERVAL_SECONDS: "1",
    // Jobs die with their server again and again; each time counts as a try.
    PROCESSING_LEASE_SECONDS: "2",
    PROCESSING_MAX_ATTEMPTS: "20",
  };
  const acknowledged: Acknowledged[] = [];
  const authorization = (): Record<string, string> => ({
    authorization: `Bearer ${readFileSync(join(folder, "first-api-key"), "utf8").trim()}`,
  });

  for (let round = 0; round < ROUNDS; round += 1) {
    const server = await ServerProcess.start(env);
    // A random moment, counted in answers: some rounds die with their first bytes.
    let left = randomInt(40);
    const kill = (): void => void (left-- <= 0 && server.child.kill("SIGKILL"));
    kill();
    const writers = Array.from({ length: WRITERS }, () =>
      write(`${server.url}/api/v1`, authorization(), (upload) => {
        acknowledged.push(upload);
        kill();
      }),
    );
    await Promise.all(writers);
    expect(await server.ended).toMatchObject({ signal: "SIGKILL" });
  }

  const server = await ServerProcess.start(env);
  const base = `${server.url}/api/v1`;
  const get = (path: string) => fetch(`${base}${path}`, { headers: authorization() });
  expect(acknowledged.length).toBeGreaterThan(ROUNDS);

  // Every acknowledged upload is there, byte for byte; what was queued gets processed.
  for (const upload of acknowledged) {
    const file = await get(`/upload/${upload.id}/file`);
    expect(sha256(await file.bytes())).toBe(upload.sha256);
    if (!upload.processed) continue;
    await expect
      .poll(
        async () =>
          ((await (await get(`/upload/${upload.id}`)).json()) as { status: string }).status,
        {
          timeout: 60_000,
        },
      )
      .toBe("processed");
  }

  // Nothing partial is readable: whatever is listed is whole.
  const listed: string[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const page = (await (
      await get(`/upload?limit=200${cursor && `&cursor=${cursor}`}`)
    ).json()) as {
      items: { id: string; sha256: string; size: number }[];
      next_cursor: string | null;
    };
    for (const { id, sha256: reported, size } of page.items) {
      const bytes = await (await get(`/upload/${id}/file`)).bytes();
      expect([sha256(bytes), bytes.length]).toEqual([reported, size]);
      listed.push(id);
    }
    cursor = page.next_cursor;
  }
  for (const { id } of acknowledged) expect(listed).toContain(id);

  // No temp file and no object without a record once the reconciler has run.
  const uploads = join(folder, "uploads");
  const temporary = join(uploads, ".stowage", "tmp");
  const leftovers = () => (existsSync(temporary) ? readdirSync(temporary) : []);
  const stored = () =>
    existsSync(join(uploads, "default")) ? readdirSync(join(uploads, "default")) : [];
  await expect.poll(leftovers, { timeout: 40_000 }).toEqual([]);
  await expect.poll(() => stored().sort(), { timeout: 40_000 }).toEqual([...listed].sort());
  await server.kill("SIGTERM");
});
