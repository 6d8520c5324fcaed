import { render } from "./draft.ts";
import { corrupt, MUTATIONS } from "./mutations.ts";
import { Chance } from "./random.ts";
import type { Seed } from "./seeds.ts";

/** How it is sent: as one, in pieces, or left off somewhere with or without a word. */
export type Ending = "whole" | "pieces" | "half-close" | "reset";

/** One request that may be spoilt, ready to be sent. */
export interface FuzzCase {
  readonly name: string;
  /** One character a byte, with places to fill in; see `Draft`. */
  readonly text: string;
  readonly ending: Ending;
  /** Where it is split or left off, as a part of its length. */
  readonly at: number;
  /** Which of the caller's uploads is meant. */
  readonly slot: number;
}

/** How many uploads a tenant has that requests are about. */
export const SLOTS = 4;

/** The case of this number: the same for the same seed and the same document. */
export function makeCase(seeds: readonly Seed[], seed: number, number: number): FuzzCase {
  const chance = new Chance(seed, number);
  // What has a body can go wrong in more ways.
  const start = chance.one(
    chance.happens(0.4) ? seeds.filter(({ draft }) => draft.body !== null) : seeds,
  );
  let draft = start.draft;
  for (let count = chance.below(4); count > 0; count -= 1) {
    draft = chance.one(MUTATIONS)(draft, chance, start);
  }
  let text = render(draft);
  // Every fifth as the other tenant: its requests have to work as well.
  if (chance.happens(0.2)) text = text.replaceAll("{key:acme}", "{key:other}");
  for (let count = chance.happens(0.3) ? 1 + chance.below(3) : 0; count > 0; count -= 1) {
    text = corrupt(text, chance);
  }
  if (chance.happens(0.1))
    text = text.replace("Connection: close\r\n", "") + render(chance.one(seeds).draft);
  return {
    ...{ name: start.name, text, at: chance.next(), slot: chance.below(SLOTS) },
    ending: chance.happens(0.8) ? "whole" : chance.one(["pieces", "half-close", "reset"] as const),
  };
}
