import type { Config } from "../../config.ts";
import type { DatabaseFacts } from "../../runtime/inspection.ts";
import type { Check, DoctorContext, Finding } from "./check.ts";

/** Whether the records can be read and written, and whether all storages that they name are there. */
export function databaseCheck({ path }: Config["database"]): Check {
  return {
    title: `Database sqlite:${path}`,
    async *run(context) {
      if (path === ":memory:") {
        yield { status: "ok", text: "kept in memory: it goes with the process" };
        return;
      }
      try {
        const facts = await context.parts.readDatabase(path);
        if (facts === null)
          yield { status: "ok", text: "there is none yet: the first start makes it" };
        else yield* judge(facts, context);
      } catch (error) {
        yield {
          status: "fail",
          text: "it cannot be read and written",
          detail: error instanceof Error ? error.message : String(error),
          advice: "correct DATABASE_URL, or the owner and permissions of the file and its folder",
        };
      }
    },
  };
}

function* judge(facts: DatabaseFacts, context: DoctorContext): Iterable<Finding> {
  const { version, newest, usage } = facts;
  if (version > newest) {
    yield {
      status: "fail",
      text: `its schema is version ${version}, this release knows ${newest}`,
      advice: "install the release that has written it, or a newer one",
    };
    return;
  }
  const then = version < newest ? `: the next start brings it to ${newest}` : "";
  yield { status: "ok", text: `opens; its schema is version ${version}${then}` };
  if (!context.configured) return;
  for (const { storageId, display, uploads } of usage) {
    // What is named, but does not answer, was told already.
    if (context.storageIds.has(storageId) || context.silentStorages.has(display)) continue;
    // What lay in memory went with its process; the next start forgets it.
    if (display.startsWith("memory:")) continue;
    yield {
      status: "fail",
      text: `${uploads === 1 ? "1 upload lies" : `${uploads} uploads lie`} in a storage that was not found: ${display} (${storageId})`,
      advice:
        "name it in FILE_STORAGE_FALLBACK, or correct FILE_STORAGE_TYPE, FILE_STORAGE_PATH or AWS_S3_BUCKET",
    };
  }
}
