import type { Bomb } from "./bomb.ts";
import { ENTITIES } from "./entities.ts";
import { NESTING } from "./nesting.ts";
import { PDFS } from "./pdfs.ts";
import { REFERENCES } from "./references.ts";
import { TEXTS } from "./texts.ts";
import { ZIPS } from "./zips.ts";

/** Every hostile document. */
export const BOMBS: readonly Bomb[] = [
  ...ZIPS,
  ...ENTITIES,
  ...PDFS,
  ...REFERENCES,
  ...NESTING,
  ...TEXTS,
];
