import { mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Canary } from "./bomb.ts";

/** A canary whose death shows. */
export interface WatchedCanary extends Canary {
  /** What is in its file, and in nothing else. */
  readonly secret: string;
  /** How many connections its port has received. */
  readonly visits: () => number;
  /** Whether its file was read. */
  readonly wasRead: () => boolean;
  /** Die, to prove that it would have shown: read the file, and come to the port. */
  kill(): Promise<void>;
  close(): void;
}

export async function openCanary(): Promise<WatchedCanary> {
  const secret = "the-song-of-the-canary";
  const folder = mkdtempSync(join(tmpdir(), "stowage-canary-"));
  const path = join(folder, "canary");
  writeFileSync(path, secret);
  // On a file system that keeps few times of access (relatime), one older than the last change is renewed.
  utimesSync(path, new Date("2001-01-01"), new Date("2002-01-01"));
  const unread = statSync(path).atimeMs;
  let visits = 0;
  const server = createServer((socket) => {
    visits += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  return {
    secret,
    path,
    url: `http://127.0.0.1:${port}`,
    visits: () => visits,
    wasRead: () => statSync(path).atimeMs !== unread,
    async kill() {
      readFileSync(path);
      const visit = connect(port, "127.0.0.1").resume();
      await new Promise((resolve) => visit.on("close", resolve).on("error", () => {}));
    },
    close() {
      server.close();
      rmSync(folder, { recursive: true });
    },
  };
}
