import { render } from "./draft.ts";
import { corrupt, POLITE, RUDE } from "./mutations.ts";
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
  const start = pickSeed(seeds, chance);
  const rude = chance.happens(0.4);
  let draft = start.draft;
  for (let count = chance.below(4); count > 0; count -= 1) {
    draft = chance.one(rude ? RUDE : POLITE)(draft, chance, start);
  }
  let text = render(draft);
  // Every fifth as the other tenant: its requests have to work as well.
  if (chance.happens(0.2)) text = text.replaceAll("{key:acme}", "{key:other}");
  const hits = rude && chance.happens(0.5) ? 1 + chance.below(3) : 0;
  for (let count = hits; count > 0; count -= 1) text = corrupt(text, chance);
  if (chance.happens(0.1)) {
    text = text.replace("Connection: close\r\n", "") + render(chance.one(seeds).draft);
  }
  return {
    name: start.name,
    text,
    at: chance.next(),
    slot: chance.below(SLOTS),
    ending: chance.happens(0.8) ? "whole" : chance.one(["pieces", "half-close", "reset"] as const),
  };
}

/** What has a body can go wrong in more ways, and what anyone may ask in fewer. */
function pickSeed(seeds: readonly Seed[], chance: Chance): Seed {
  const tenants = seeds.filter(({ caller }) => caller === "acme");
  const likely = chance.one([tenants, tenants, tenants.filter(({ draft }) => draft.body !== null)]);
  return chance.one(likely.length === 0 || chance.happens(0.2) ? seeds : likely);
}
