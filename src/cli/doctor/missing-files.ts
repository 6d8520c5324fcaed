import { findStorageId } from "../../application/storages/storage-identity.ts";
import { isAbort } from "../../domain/errors.ts";
import type { StorageDriver } from "../../domain/ports/storage-driver.ts";
import type { StorageUri } from "../../domain/storage-uri.ts";
import type { MissingInStorage } from "../../runtime/database-inspection.ts";
import { formatCountOf } from "../format.ts";
import type { Check, DoctorContext, Finding } from "./check.ts";

/** How many uploads are listed. */
const NAMED = 10;

/** Files known to be missing in their storages, and whether they are back. */
export const missingFilesCheck: Check = {
  title: "Missing files",
  async *run(context) {
    const missing = context.database.facts?.missing ?? [];
    if (missing.length === 0) {
      yield { status: "ok", text: "none are known" };
      return;
    }
    const { primary, fallbacks } = context.config.storage;
    for (const uri of [primary, ...fallbacks]) {
      const driver = await context.parts.openStorage(uri, (fetch) => fetch).catch(() => null);
      // The storage's own check has reported why.
      if (driver === null) continue;
      try {
        const id = uri.options["id"] ?? (await findStorageId(driver).catch(() => null));
        const here = missing.find(({ storageId }) => storageId === id);
        if (here !== undefined) yield await checkAgain(here, uri, driver, context);
      } finally {
        await driver.dispose?.();
      }
    }
  },
};

async function checkAgain(
  { files, uploads }: MissingInStorage,
  { display }: StorageUri,
  driver: StorageDriver,
  { signal }: DoctorContext,
): Promise<Finding> {
  const text = `${formatCountOf(files, "file was", "files were")} found missing in ${display}`;
  const gone: string[] = [];
  try {
    for (const { id, tenant, key } of uploads) {
      if ((await driver.head(key, { signal })) === null) gone.push(`${tenant}/${id}`);
    }
  } catch (error) {
    if (isAbort(error)) throw error;
    return {
      status: "warn",
      text: `${text}, and cannot be checked now`,
    };
  }
  const back = uploads.length - gone.length;
  if (back === files) {
    return { status: "ok", text: `${text}, but ${files === 1 ? "it is" : "all are"} back` };
  }
  const rest = gone.length > NAMED ? ` and ${gone.length - NAMED} more` : "";
  return {
    status: "warn",
    text: `${text}; ${back} of the ${uploads.length} checked again are back`,
    detail: `missing, as tenant/upload: ${gone.slice(0, NAMED).join(", ")}${rest}`,
    advice: "restore each file to its old path from a backup, or delete its upload",
  };
}
