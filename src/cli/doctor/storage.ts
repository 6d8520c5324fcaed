import { existsSync } from "node:fs";
import { findStorageId } from "../../application/storages/storage-identity.ts";
import { waitFor } from "../../domain/delay.ts";
import { isAbort, isStowageError } from "../../domain/errors.ts";
import type { StorageDriver } from "../../domain/ports/storage-driver.ts";
import type { StorageUri } from "../../domain/storage-uri.ts";
import type { Check, DoctorContext, Finding } from "./check.ts";
import { explain } from "./explain.ts";
import { spaceFindings } from "./filesystem.ts";
import { lookAtFolder, lookForFolder, nearestFolder, rememberFolders } from "./local-folder.ts";
import { probeMultipart } from "./multipart.ts";
import { createWire, type Wire } from "./wire.ts";

/** What a storage is for. `named`: nothing yet, somebody only asks about it. */
export type StorageRole = "primary" | "fallback" | "named";

/** Whether one storage is there, who it is, and whether it can be worked with. */
export function storageCheck(uri: StorageUri, role: StorageRole): Check {
  return {
    title: `${role === "fallback" ? "Fallback" : "Storage"} ${uri.display}`,
    async *run(context) {
      if (uri.scheme !== "local") {
        yield* examine(uri, role, context);
        return;
      }
      const missing = role === "fallback" ? null : await lookForFolder(uri.path);
      if (missing !== null) {
        yield missing;
        if (missing.status === "ok") {
          yield* spaceFindings(nearestFolder(uri.path), context.config.uploads.maxBytes);
        }
        return;
      }
      if (existsSync(uri.path)) {
        const readOnly = role === "fallback" || uri.options["id"] !== undefined;
        const limit = readOnly ? null : context.config.uploads.maxBytes;
        if (!(yield* lookAtFolder(uri.path, limit))) return;
      }
      const tidy = rememberFolders(uri.path);
      try {
        yield* examine(uri, role, context);
      } finally {
        await tidy();
      }
    },
  };
}

async function* examine(
  uri: StorageUri,
  role: StorageRole,
  context: DoctorContext,
): AsyncIterable<Finding> {
  const { parts, signal } = context;
  const wire = createWire(parts.clock.now);
  let driver: StorageDriver | undefined;
  try {
    driver = await waitFor(parts.openStorage(uri, wire.around), { signal });
    const identity = await identify(uri, role, driver, wire, context);
    yield identity;
    // Denied may be one right of several: the probe tells which. Anything else would only repeat itself.
    if (identity.status === "ok" || identity.denied) {
      const written = yield* probe(uri, driver, wire, signal);
      if (written && driver.multipart !== undefined) {
        yield* probeMultipart(uri, driver.multipart, signal);
      }
    }
  } catch (error) {
    if (isAbort(error)) throw error;
    context.silentStorages.add(uri.display);
    yield explain({ error, uri });
  } finally {
    await driver?.dispose?.();
  }
  yield* wire.findings();
}

/** Who the storage is. A fresh one is not made anybody: that is for the service to do. */
async function identify(
  uri: StorageUri,
  role: StorageRole,
  driver: StorageDriver,
  wire: Wire,
  { signal, storageIds, silentStorages }: DoctorContext,
): Promise<Finding & { readonly denied?: boolean }> {
  try {
    const found = await waitFor(findStorageId(driver), { signal });
    const id = uri.options["id"] ?? found;
    if (id !== null && found !== null && id !== found) {
      const advice = "correct the place or the ?id= of the URI";
      return { status: "fail", text: `it is storage ${found}, not ${id}`, advice };
    }
    if (id !== null) {
      storageIds.add(id);
      return { status: "ok", text: `can be reached; it is storage ${id}` };
    }
    if (role !== "fallback") {
      return { status: "ok", text: "can be reached; nothing has been stored here yet" };
    }
    // The start refuses it: a mistyped place must not become a storage.
    const text = "nothing was ever stored here, so it is no storage to fall back on";
    const advice = "mount its disk, correct it in FILE_STORAGE_FALLBACK, or leave it out";
    return { status: "fail", text, advice };
  } catch (error) {
    if (isAbort(error)) throw error;
    silentStorages.add(uri.display);
    const denied = isStowageError(error, "storage_access_denied");
    const step = denied ? { step: "read who it is" } : {};
    return { ...explain({ error, uri, page: wire.page, ...step }), denied };
  }
}

/** @returns Whether something could be written. */
async function* probe(
  uri: StorageUri,
  driver: StorageDriver,
  wire: Wire,
  signal: AbortSignal,
): AsyncGenerator<Finding, boolean> {
  const { steps } = await driver.check({ signal });
  const done = steps.filter(({ ok }) => ok).map(({ name }) => name);
  if (done.length > 0) yield { status: "ok", text: `works: ${done.join(", ")}` };
  for (const { name: step, error } of steps.filter(({ ok }) => !ok)) {
    const finding = explain({ error, uri, step, page: wire.page });
    // Named by its id, it is one that is only read from.
    const bearable = uri.options["id"] !== undefined && (step === "write" || step === "delete");
    yield bearable ? { ...finding, status: "warn" } : finding;
  }
  return done.includes("write");
}
