/**
 * The physical limit: sockets of Node, and answers that lie ready in memory. `GET /65536` is answered with so
 * many bytes, whatever else is asked for with no body.
 */
import { createServer } from "node:net";
import { listening } from "./listening.ts";

const HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: ";
const answers = new Map<string, Buffer>();

function answerTo(request: string): Buffer {
  const line = request.slice(0, request.indexOf("\r\n"));
  const known = answers.get(line);
  if (known !== undefined) return known;
  const [, method, size = "0"] = /^(\S+) \/(\d*)/.exec(line) ?? [];
  const body = Buffer.alloc(method === "GET" ? Number(size) : 0, "x");
  const answer = request.includes("If-None-Match")
    ? Buffer.from("HTTP/1.1 304 Not Modified\r\n\r\n")
    : Buffer.concat([Buffer.from(`${HEAD}${size}\r\n\r\n`), body]);
  if (!request.includes("If-None-Match")) answers.set(line, answer);
  return answer;
}

const server = createServer({ noDelay: true }, (socket) => {
  socket.on("error", () => {});
  socket.on("data", (chunk) => socket.write(answerTo(chunk.toString("latin1"))));
});
listening(server);
