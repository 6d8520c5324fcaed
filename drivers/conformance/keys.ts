import { isStowageError } from "../../src/driver.ts";
import { assert, assertEqual, type TrialCase } from "./trial.ts";

/** Keys that an encoder, a shell, a URL parser or a filesystem is tempted to confuse. */
const HOSTILE = [
  "plain",
  "PLAIN",
  "with space",
  "with+plus",
  "with%20escape",
  "with%2520escape",
  "per%cent",
  "slash%2Fescape",
  "slash/real",
  "back\\slash",
  "query?x=1",
  "hash#fragment",
  "amp&ersand=1",
  "semi;colon",
  "co:lon",
  "at@sign",
  "single'quote",
  'double"quote',
  "angle<brackets>",
  "star*(parens)!",
  "[brackets]{braces}|~^`$",
  "comma,",
  " leading space",
  "trailing space ",
  "..a",
  "...",
  "a..",
  ".hidden",
  "trailing dot.",
  "-rf",
  "~",
  "CON",
  "tab\there",
  "line\nfeed",
  "\u00e9 composed",
  "e\u0301 composed",
  "\ufb01 ligature",
  "fi ligature",
  "\u202etxt.exe",
  "emoji \u{1f600}",
  "private \uffee",
  "below \u{1f600}/deep/\u{1f468}\u200d\u{1f469}",
  "%2e%2e/x",
  "a.b",
  "a-b",
  "ab/.c",
] as const;

export const KEY_CASES: readonly TrialCase[] = [
  {
    name: "put() keeps every two different keys apart",
    async test(trial) {
      const keys = HOSTILE.map((path) => trial.key(path));
      for (const key of keys) await trial.put(key, key);
      for (const key of keys) {
        assertEqual(await trial.readText(key), key, "get() gives what was put under the key");
        assertEqual(
          (await trial.driver.head(key))?.key,
          key,
          "head() returns the key as it was put",
        );
      }
      const listed = (await trial.listAll(trial.prefix)).map((object) => object.key);
      assertEqual([...listed].sort(), [...keys].sort(), "list() returns the keys as they were put");
      for (const [index, key] of keys.entries()) {
        await trial.driver.delete([key]);
        assertEqual(await trial.driver.head(key), null, `head() after delete() of ${key}`);
        const rest = keys[index + 1];
        if (rest !== undefined)
          assertEqual(await trial.readText(rest), rest, `after delete() of ${key}`);
      }
    },
  },
  {
    name: "put() takes keys and segments as long as the limits say",
    async test(trial) {
      const { maxKeyBytes, maxSegmentBytes } = trial.driver.limits;
      const room = Math.min(maxKeyBytes, 1024) - trial.prefix.length;
      const segment = Math.min(maxSegmentBytes ?? 255, room);
      const wide = "\u{1f600}".repeat(Math.floor(segment / 4) - 1);
      for (const begin of [
        "s".repeat(segment - 4),
        wide,
        "d/".repeat(Math.floor((room - 4) / 2)),
      ]) {
        // Two that differ at their very end: a driver that cuts keys off mixes them up.
        const twins = ["\u{1f600}", "\u{1f601}"].map((end) => trial.key(begin + end));
        for (const key of twins) await trial.put(key, key);
        for (const key of twins) assertEqual(await trial.readText(key), key, "get() of a long key");
      }
    },
  },
  {
    name: "put() keeps a key and keys below it apart, or refuses the second with invalid_key",
    async test(trial) {
      for (const [first, second] of [
        ["up", "up/below"],
        ["down/below/deep", "down"],
        ["down/below/deep", "down/below"],
      ] as const) {
        const [taken, late] = [trial.key(first), trial.key(second)];
        await trial.put(taken, "first");
        let stored = true;
        await trial.put(late, "second").catch((error: unknown) => {
          assert(
            isStowageError(error, "invalid_key"),
            `put() of ${second}: found ${String(error)}`,
          );
          stored = false;
        });
        assertEqual(await trial.readText(taken), "first", `get() of ${first} beside ${second}`);
        const head = await trial.driver.head(late);
        assertEqual(head !== null, stored, `head() returns ${second}, as put() said`);
        await trial.driver.delete([late]);
        assertEqual(await trial.readText(taken), "first", `get() of ${first} without ${second}`);
        const listed = (await trial.listAll(`${trial.prefix}`)).map((object) => object.key);
        assertEqual(listed.includes(late), false, `list() returns ${second} after its delete()`);
      }
    },
  },
];
