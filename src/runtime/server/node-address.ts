import type { HttpBindings } from "@hono/node-server";

/** The address at the other end of a connection of Node, by what its adapter for Hono hands over. */
export function nodeAddress(env: unknown): string | null {
  const bindings = env as Partial<HttpBindings> | null | undefined;
  return bindings?.incoming?.socket?.remoteAddress ?? null;
}
