import { compareUtf8, type ObjectKey, OWN_FOLDER, parseObjectKey } from "../../src/driver.ts";
import { assert, assertEqual, type Trial, type TrialCase } from "./trial.ts";

/** One more than the page of every backend known. */
const MANY = 1001;
const PARALLEL_PUTS = 16;
const PAGE = 100;

export const LISTING_CASES: readonly TrialCase[] = [
  {
    name: "list() returns 1,001 keys once each while others come and go",
    async test(trial) {
      // Flat and nested, so that a page ends inside a folder and between folders.
      const staying = Array.from({ length: MANY }, (_, index) =>
        trial.key(index % 2 === 0 ? `m${index}` : `f${index % 30}/m${index}`),
      );
      await putAll(trial, staying);
      const returned = new Map<string, number>();
      let cursor: string | null = null;
      let pages = 0;
      do {
        assert(pages < MANY, "list() does not end");
        // Before, between and behind what is listed just now.
        await putAll(
          trial,
          [`a${pages}`, `f1/x${pages}`, `m5/y${pages}`, `z${pages}`].map((path) => trial.key(path)),
        );
        const from: { cursor?: string } = cursor === null ? {} : { cursor };
        const page = await trial.driver.list(trial.prefix, { ...from, limit: PAGE });
        assert(
          page.objects.length <= PAGE,
          `list() gave ${page.objects.length} of at most ${PAGE}`,
        );
        for (const { key } of page.objects) returned.set(key, (returned.get(key) ?? 0) + 1);
        if (pages % 2 === 0) {
          await trial.driver.delete([trial.key(`a${pages}`), trial.key(`z${pages}`)]);
        }
        assert(page.next === null || page.next !== cursor, "list() repeats a cursor");
        cursor = page.next;
        pages += 1;
      } while (cursor !== null);
      for (const key of staying)
        assertEqual(returned.get(key) ?? 0, 1, `times that list() returned ${key}`);
      for (const [key, times] of returned)
        assertEqual(times, 1, `times that list() returned ${key}`);
      assert(pages > MANY / PAGE, `list() took ${pages} pages`);
    },
  },
  {
    name: "list() reaches every page without being given a limit",
    async test(trial) {
      const keys = Array.from({ length: MANY }, (_, index) => trial.key(`n/${index}`));
      await putAll(trial, keys);
      const returned = (await trial.listAll(trial.prefix)).map((object) => object.key);
      assertEqual([...returned].sort(), [...keys].sort(), "keys returned");
    },
  },
  {
    name: "list() takes any prefix, not only a folder",
    async test(trial) {
      const paths = ["ab/c", "ab/d", "abc", "abd", "b", "A", "ab.x"];
      await putAll(
        trial,
        paths.map((path) => trial.key(path)),
      );
      for (const prefix of [
        "",
        "a",
        "ab",
        "ab/",
        "ab/c",
        "abc",
        "ab.",
        "abc/",
        "none",
        "ab//",
        "b",
      ]) {
        const returned = (await trial.listAll(trial.prefix + prefix)).map((object) => object.key);
        const expected = paths
          .filter((path) => path.startsWith(prefix))
          .map((path) => trial.key(path));
        assertEqual([...returned].sort(), expected.sort(), `keys that begin with "${prefix}"`);
      }
      for (const prefix of ["/", "..", "../", "./", `${trial.prefix}../`, `${trial.prefix}./`]) {
        assertEqual((await trial.listAll(prefix)).length, 0, `keys that begin with "${prefix}"`);
      }
    },
  },
  {
    name: "list() returns keys in the order that the limits declare, across pages",
    async test(trial) {
      if (trial.driver.limits.listOrder !== "bytes") return;
      const paths = [
        "a!b",
        "a.b",
        "a/b",
        "a/b.c",
        "a/b!/c",
        "a0",
        "A",
        "\u{1f600}",
        "\uffee",
        "\ue000/x",
        "é",
      ];
      await putAll(
        trial,
        paths.map((path) => trial.key(path)),
      );
      const expected = paths.map((path) => trial.key(path)).sort(compareUtf8);
      for (const limit of [1, 2, 3, 100]) {
        const returned = (await trial.listAll(trial.prefix, limit)).map((object) => object.key);
        assertEqual(returned, expected, `keys in pages of ${limit}`);
      }
    },
  },
  {
    name: "list() hides .stowage/ unless the prefix begins with it",
    async test(trial) {
      const own = parseObjectKey(`${trial.ownPrefix}own`);
      await putAll(trial, [own, trial.key("visible")]);
      for (const prefix of ["", ".", OWN_FOLDER.slice(0, 4), OWN_FOLDER]) {
        const hidden = (await trial.listAll(prefix)).filter(({ key }) =>
          key.startsWith(`${OWN_FOLDER}/`),
        );
        assertEqual(hidden.length, 0, `own objects returned for the prefix "${prefix}"`);
      }
      for (const prefix of [`${OWN_FOLDER}/`, trial.ownPrefix]) {
        const returned = (await trial.listAll(prefix)).map((object) => object.key);
        assert(returned.includes(own), `list("${prefix}") does not return an own object`);
      }
    },
  },
];

async function putAll(trial: Trial, keys: readonly ObjectKey[]): Promise<void> {
  const queue = keys[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (let next = queue.next(); next.done !== true; next = queue.next()) {
      await trial.put(next.value, "x");
    }
  };
  await Promise.all(Array.from({ length: PARALLEL_PUTS }, worker));
}
