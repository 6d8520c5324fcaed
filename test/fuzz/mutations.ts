import type { Draft } from "./draft.ts";
import { FORM_PIECES, FRAMING_NAMES, HEADER_NAMES, JSONS, METHODS, NAUGHTY } from "./naughty.ts";
import type { Chance } from "./random.ts";
import type { Seed } from "./seeds.ts";

/** One way to spoil a request. */
export type Mutation = (draft: Draft, chance: Chance, seed: Seed) => Draft;

type Pairs = readonly (readonly [string, string])[];

/** A list with something done to one of its pairs, or to several. */
function spoil(pairs: Pairs, chance: Chance, names: readonly string[]): Pairs {
  const at = chance.below(pairs.length);
  const [name = chance.one(names), value = ""] = pairs[at] ?? [];
  const put = (...instead: Pairs) => [...pairs.slice(0, at), ...instead, ...pairs.slice(at + 1)];
  switch (chance.below(8)) {
    case 0:
      return put();
    case 1:
      return put([name, value], [name, value]);
    case 2:
      return put([name, value], [name, chance.one(NAUGHTY)]);
    case 3:
      return put([name, value + chance.one(NAUGHTY)]);
    case 4: {
      const [, other = ""] = pairs[chance.below(pairs.length)] ?? [];
      return put([name, other]);
    }
    case 5:
      return [...pairs].reverse();
    case 6:
      return [...pairs, [chance.one(names), chance.one(NAUGHTY)]];
    default:
      return put([name, chance.one(NAUGHTY)]);
  }
}

const query: Mutation = (draft, chance, seed) => {
  const names = seed.optional.filter((one) => one.in === "query").map(({ name }) => name);
  return { ...draft, query: spoil(draft.query, chance, [...names, ...names, "x", "access_token"]) };
};

const headers: Mutation = (draft, chance, seed) => {
  const names = seed.optional.filter((one) => one.in === "header").map(({ name }) => name);
  return {
    ...draft,
    headers: spoil(draft.headers, chance, [...names, ...HEADER_NAMES, ...FRAMING_NAMES]),
  };
};

/** More headers, none of which should hurt. */
const moreHeaders: Mutation = (draft, chance) => {
  const more = Array.from(
    { length: 1 + chance.below(8) },
    () => [chance.one(HEADER_NAMES), chance.one(NAUGHTY)] as const,
  );
  return { ...draft, headers: [...draft.headers, ...more] };
};

/** What is allowed, too, so that what comes after it in the code is reached. */
const optional: Mutation = (draft, chance, { optional }) => {
  if (optional.length === 0) return draft;
  const chosen = Array.from({ length: 1 + chance.below(3) }, () => chance.one(optional));
  const pairs = (place: string): Pairs =>
    chosen
      .filter((one) => one.in === place)
      .map(({ name, value }) => [name, chance.happens(0.7) ? value : chance.one(NAUGHTY)]);
  return {
    ...draft,
    query: [...draft.query, ...pairs("query")],
    headers: [...draft.headers, ...pairs("header")],
  };
};

const path: Mutation = (draft, chance) => {
  const segments = draft.path.split("/");
  const at = 1 + chance.below(segments.length);
  const naughty = chance.one(NAUGHTY);
  switch (chance.below(6)) {
    case 0:
      segments.splice(at, 0, naughty);
      break;
    case 1:
      segments.splice(at, 1);
      break;
    case 2:
      segments[at] = `${segments[at] ?? ""}${naughty}`;
      break;
    case 3:
      segments[at] = encodeURIComponent(segments[at] ?? "");
      break;
    case 4:
      segments[at] = segments[at]?.toUpperCase() ?? "";
      break;
    default:
      segments[at] = naughty;
  }
  return { ...draft, path: segments.join("/") };
};

/** The same about what belongs to someone else. */
const foreign: Mutation = (draft) => ({ ...draft, path: draft.path.replace("{id}", "{foreign}") });

const method: Mutation = (draft, chance) => ({ ...draft, method: chance.one(METHODS) });

const credential: Mutation = (draft, chance) => ({
  ...draft,
  headers: draft.headers.map(([name, value]) =>
    name === "Authorization"
      ? [name, `Bearer {key:${chance.one(["acme", "other", "reader", "operator", "expired"])}}`]
      : [name, value],
  ),
});

const json: Mutation = (draft, chance) => ({
  ...draft,
  headers: [
    ...draft.headers.filter(([name]) => name !== "Content-Type"),
    ["Content-Type", "application/json"],
  ],
  body: chance.one(JSONS),
});

/** JSON that was right, with one value or name that is not. */
const jsonValue: Mutation = (draft, chance) => {
  const at = [...(draft.body ?? "").matchAll(/"[^"]*"|\d+|\[.*?\]/g)];
  const [hit] = at.length === 0 ? [] : [chance.one(at)];
  if (draft.body === null || hit === undefined) return draft;
  const { index } = hit;
  const body = `${draft.body.slice(0, index)}${chance.one(JSONS)}${draft.body.slice(index + hit[0].length)}`;
  return { ...draft, body };
};

const body: Mutation = (draft, chance) => {
  if (draft.body === null)
    return { ...draft, body: chance.bytes(chance.below(50)).toString("latin1") };
  const { length } = draft.body;
  const at = chance.below(length + 1);
  const until = Math.min(length, at + chance.below(40));
  const insert = chance.happens(0.7)
    ? chance.one(FORM_PIECES)
    : chance.bytes(chance.below(20)).toString("latin1");
  switch (chance.below(5)) {
    case 0:
      return { ...draft, body: draft.body.slice(0, at) };
    case 1:
      return { ...draft, body: draft.body + draft.body.slice(at) };
    case 2:
      return { ...draft, body: draft.body.slice(0, at) + draft.body.slice(until) };
    case 3:
      // As large as may be, and a little more.
      return { ...draft, body: draft.body + "x".repeat(99_900 + chance.below(200)) };
    default:
      return { ...draft, body: draft.body.slice(0, at) + insert + draft.body.slice(until) };
  }
};

const chunks: Mutation = (draft, chance) => ({
  ...draft,
  body: draft.body ?? "",
  chunks: Array.from({ length: chance.below(6) }, () => 1 + chance.below(60)),
});

/** Those that get past the door: the likelier ones several times. */
export const POLITE: readonly Mutation[] = [
  ...[
    moreHeaders,
    moreHeaders,
    optional,
    optional,
    optional,
    query,
    foreign,
    json,
    jsonValue,
    body,
  ],
];

/** All of them. */
export const RUDE: readonly Mutation[] = [
  ...[...POLITE, headers, headers, headers, path, path, method, credential, body, chunks],
];

/** What happens to bytes on their way: one changed, some inserted, cut out or doubled. */
export function corrupt(text: string, chance: Chance): string {
  const at = chance.below(text.length);
  const until = Math.min(text.length, at + 1 + chance.below(12));
  const piece = text.slice(at, until);
  switch (chance.below(6)) {
    case 0: {
      const flipped = text.charCodeAt(at) ^ (1 << chance.below(8));
      return text.slice(0, at) + String.fromCharCode(flipped) + text.slice(at + 1);
    }
    case 1:
      return (
        text.slice(0, at) + chance.bytes(1 + chance.below(8)).toString("latin1") + text.slice(at)
      );
    case 2:
      return text.slice(0, at) + text.slice(until);
    case 3:
      return text.slice(0, until) + piece + text.slice(until);
    case 4:
      return text.replace("\r\n", chance.one(["\n", "\r", "\r\n ", "\r\n\r\n", "\0\r\n", ""]));
    default:
      return text.slice(0, at) + chance.one(NAUGHTY) + text.slice(at);
  }
}
