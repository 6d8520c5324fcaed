import { parseObjectKey } from "../../src/driver.ts";
import { pattern } from "./sources.ts";
import { assert, assertBytes, assertCode, assertEqual, type TrialCase } from "./trial.ts";

const GROUPS = {
  multipart: ["create", "putPart", "listParts", "complete", "abort", "listUploads"],
  presign: ["get", "put", "putPart"],
  leftovers: ["remove"],
} as const;

export const GROUP_CASES: readonly TrialCase[] = [
  {
    name: "the driver's groups are whole or absent, and its limits speak of what it has",
    async test({ driver }) {
      for (const [group, verbs] of Object.entries(GROUPS)) {
        const found: unknown = driver[group as keyof typeof GROUPS];
        if (found === undefined) continue;
        assert(typeof found === "object" && found !== null, `${group} is no object`);
        for (const verb of verbs) {
          const member: unknown = Reflect.get(found, verb);
          assert(typeof member === "function", `${group}.${verb} is missing`);
        }
      }
      for (const verb of ["copy", "dispose"] as const) {
        assert(["undefined", "function"].includes(typeof driver[verb]), `${verb} is no function`);
      }
      const { limits } = driver;
      assertEqual(limits.parts !== null, driver.multipart !== undefined, "parts with multipart");
      assert(limits.maxKeyBytes >= 256, `keys of ${limits.maxKeyBytes} bytes hold no upload's key`);
      assert(limits.maxDeleteKeys >= 1, "delete() takes no key at all");
      assert(/^[a-z][a-z0-9+.-]*$/.test(driver.name), `"${driver.name}" is no URI scheme`);
    },
  },
  {
    name: "check() proves read, write, list and delete, and leaves nothing behind",
    async test(trial) {
      const before = (await trial.listAll(".stowage/")).map((object) => object.key);
      const check = await trial.driver.check();
      const failed = check.steps.find((step) => !step.ok);
      assert(check.healthy, `check() is not healthy: ${failed?.name} ${String(failed?.error)}`);
      const steps = check.steps.map((step) => step.name);
      assertEqual([...steps].sort(), ["delete", "list", "read", "write"], "steps of check()");
      const after = (await trial.listAll(".stowage/")).map((object) => object.key);
      assertEqual(after, before, "objects under .stowage/ after check()");
    },
  },
  {
    name: "copy(), where there is one, makes an object of its own",
    async test(trial) {
      const { copy } = trial.driver;
      if (copy === undefined) return;
      const [from, to] = [trial.key("copy/from"), trial.key("copy/to")];
      const bytes = pattern(300_000);
      const source = await trial.put(from, bytes);
      await trial.put(to, "replaced");
      const stored = await copy.call(trial.driver, from, to);
      assertEqual([stored.key, stored.sizeBytes], [to, source.sizeBytes], "what copy() returns");
      assertEqual((await trial.driver.head(to))?.version, stored.version, "version after copy()");
      await trial.driver.delete([from]);
      assertBytes(await trial.read(to), bytes, "get() of the copy, its source deleted");
      const missing = copy.call(trial.driver, from, to);
      await assertCode(missing, "copy() of a missing object", "object_not_found");
      assertBytes(await trial.read(to), bytes, "get() of the target of a copy that failed");
      const aborted = copy.call(trial.driver, to, from, { signal: AbortSignal.abort() });
      await assertCode(aborted, "copy() with an aborted signal", "request_aborted");
    },
  },
  {
    name: "leftovers, where there are any, are removed without touching objects",
    async test(trial) {
      const { leftovers } = trial.driver;
      if (leftovers === undefined) return;
      const key = trial.key("leftovers/one");
      await trial.put(key, "stays");
      const folder = parseObjectKey(key.slice(0, key.lastIndexOf("/")));
      for (const which of [{ key }, { folder }]) {
        assertEqual(await leftovers.remove(which), 0, "leftovers of a put that succeeded");
      }
      assertEqual(await leftovers.remove({ before: 0 }), 0, "leftovers from before 1970");
      await leftovers.remove({ before: Date.now() });
      assertEqual(await trial.readText(key), "stays", "get() after leftovers were removed");
    },
  },
];
