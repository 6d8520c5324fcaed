import { createHash } from "node:crypto";
import type { Hasher } from "../domain/ports/hasher.ts";

/** Digests by `node:crypto`, which Node, Deno, Bun and Workers all run natively. */
export const hasher: Hasher = (algorithm) => {
  const hash = createHash(algorithm);
  return {
    update(bytes) {
      hash.update(bytes);
    },
    digest: () => hash.digest(),
  };
};
