/**
 * The limit: what a durable upload costs with nothing around it. `node:http` → SHA-256 → file, then the same
 * fsyncs as Stowage's: the file, the new folder, and the folder it was made in. Downloads are a file piped
 * into the answer.
 */
import { createHash, randomUUID } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, open, rename, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { listening } from "./listening.ts";

const folder = process.argv[2] ?? ".";

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, "r");
  await handle.sync();
  await handle.close();
}

const server = createServer(async (request, response) => {
  if (request.method === "GET") {
    const path = join(folder, request.url ?? "");
    response.setHeader("content-length", (await stat(path)).size);
    return await pipeline(createReadStream(path), response).catch(() => response.destroy());
  }
  const id = randomUUID();
  const temporary = join(folder, `${id}.tmp`);
  const hash = createHash("sha256");
  await pipeline(
    request,
    async function* (source: AsyncIterable<Buffer>) {
      for await (const chunk of source) {
        hash.update(chunk);
        yield chunk;
      }
    },
    // `flush` is the fsync before the file is closed.
    createWriteStream(temporary, { flags: "wx", flush: true }),
  );
  await mkdir(join(folder, id));
  await rename(temporary, join(folder, id, "file"));
  await syncFolder(join(folder, id));
  await syncFolder(folder);
  response.statusCode = 201;
  response.end(JSON.stringify({ id: `${id}/file`, sha256: hash.digest("hex") }));
});

listening(server);
