import { randomBytes, scryptSync, timingSafeEqual } from "node:crypto";
import type { Server } from "node:http";
import process from "node:process";
import { serve } from "@hono/node-server";
import { createApp } from "./app.ts";

/** Two people, and how their passwords are kept. */
const USERS = new Map([
  ["ann", keep("ann's password")],
  ["bob", keep("bob's password")],
]);

function keep(password: string) {
  const salt = randomBytes(16);
  return { salt, hash: scryptSync(password, salt, 32) };
}

const { app, stowage } = await createApp({
  secret: process.env["SESSION_SECRET"] ?? randomBytes(32).toString("hex"),
  secure: process.env["NODE_ENV"] === "production",
  checkPassword(name, password) {
    const kept = USERS.get(name) ?? keep("");
    return timingSafeEqual(scryptSync(password, kept.salt, 32), kept.hash) && USERS.has(name);
  },
});
stowage.start();
const server = serve(
  {
    fetch: app.fetch,
    port: Number(process.env["PORT"] ?? 3000),
    // Node ends requests after five minutes: too early for a large file over a thin line. Stowage itself ends
    // those that send too slowly (MIN_TRANSFER_BYTES_PER_SECOND).
    serverOptions: { requestTimeout: 0 },
  },
  ({ port }) => console.log(`Your files are at http://localhost:${port}`),
) as Server;

// First refuse new connections and end event streams, then finish the requests in progress, then close Stowage.
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    stowage.beginShutdown();
    // Browsers keep connections for a next request, and those keep a server open.
    const idle = setInterval(() => server.closeIdleConnections(), 100);
    server.close(() => {
      clearInterval(idle);
      void stowage.close();
    });
  });
}
