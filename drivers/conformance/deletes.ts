import { assertEqual, type TrialCase } from "./trial.ts";

export const DELETE_CASES: readonly TrialCase[] = [
  {
    name: "delete() is idempotent, and keys that are not there count as deleted",
    async test(trial) {
      const key = trial.key("deleted/twice");
      await trial.put(key, "x");
      for (const keys of [[key], [key], [trial.key("never/there")], []]) {
        assertEqual((await trial.driver.delete(keys)).failures, [], "failures of delete()");
      }
      assertEqual(await trial.driver.head(key), null, "head() after delete()");
      await trial.put(key, "again");
      assertEqual(await trial.readText(key), "again", "get() after delete() and put()");
    },
  },
  {
    name: "delete() of many keys hides no failure: each is gone or reported",
    async test(trial) {
      const count = Math.min(trial.driver.limits.maxDeleteKeys, 40);
      const keys = Array.from({ length: count }, (_, index) =>
        trial.key(`batch/${index % 5}/${index}`),
      );
      const kept = trial.key("batch/0/kept");
      for (const key of [...keys, kept]) await trial.put(key, "x");
      const { failures } = await trial.driver.delete(keys);
      const failed = new Set(failures.map((failure) => failure.key));
      for (const key of keys) {
        const gone = (await trial.driver.head(key)) === null;
        assertEqual(gone || failed.has(key), true, `${key} is gone, or reported as failed`);
      }
      assertEqual(failures.length, 0, "failures of delete() in a healthy storage");
      assertEqual(await trial.readText(kept), "x", "an object that was not named");
    },
  },
];
