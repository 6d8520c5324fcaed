import type { Bomb } from "./bomb.ts";
import { ENTITIES } from "./entities.ts";
import { PDFS } from "./pdfs.ts";
import { ZIPS } from "./zips.ts";

/** Every document that means harm. */
export const BOMBS: readonly Bomb[] = [...ZIPS, ...ENTITIES, ...PDFS];
