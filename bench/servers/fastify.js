/** Fastify with @fastify/multipart, streamed to disk as its README shows it: no digest, no fsync, no records. */
import { randomUUID } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";
import multipart from "@fastify/multipart";
import fastify from "fastify";
import { ready } from "./listening.ts";

const folder = process.argv[2] ?? ".";
const app = fastify();
app.register(multipart, { limits: { fileSize: 2 ** 40 } });
app.post("/", async (request, reply) => {
  const part = await request.file();
  const id = randomUUID();
  await pipeline(part.file, createWriteStream(join(folder, id)));
  return reply.code(201).send({ id });
});
app.get("/:id", async (request, reply) => {
  const path = join(folder, basename(request.params.id));
  reply.header("content-length", (await stat(path)).size);
  return reply.type("application/octet-stream").send(createReadStream(path));
});
const url = await app.listen({ port: 0, host: "127.0.0.1" });
ready(url);
