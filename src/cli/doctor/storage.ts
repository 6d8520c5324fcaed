import { existsSync } from "node:fs";
import { findStorageId } from "../../application/storages/storage-identity.ts";
import { waitFor } from "../../domain/delay.ts";
import { isAbort, isStowageError } from "../../domain/errors.ts";
import type { StorageDriver } from "../../domain/ports/storage-driver.ts";
import type { StorageUri } from "../../domain/storage-uri.ts";
import { nearestFolder } from "../../runtime/nearest-folder.ts";
import type { Check, DoctorContext, Finding } from "./check.ts";
import { spaceFindings } from "./filesystem.ts";
import { lookAtFolder, lookForFolder, rememberFolders } from "./local-folder.ts";
import { probeMultipart } from "./multipart.ts";
import { RequestRecorder } from "./request-recorder.ts";
import { toFinding } from "./to-finding.ts";

/** What a storage is used for. `named`: not in use, only named on the command line. */
export type StorageRole = "primary" | "fallback" | "named";

/** Whether one storage can be reached, which one it is, and whether it can be read and written. */
export function storageCheck(uri: StorageUri, role: StorageRole): Check {
  return {
    title: `${role === "fallback" ? "Fallback" : "Storage"} ${uri.display}`,
    run: (context) =>
      uri.scheme === "local" ? examineFolder(uri, role, context) : examine(uri, role, context),
  };
}

async function* examineFolder(
  uri: StorageUri,
  role: StorageRole,
  context: DoctorContext,
): AsyncIterable<Finding> {
  const { maxBytes } = context.config.uploads;
  const missing = role === "fallback" ? null : await lookForFolder(uri.path);
  if (missing !== null) {
    yield missing;
    if (missing.status === "ok") yield* spaceFindings(nearestFolder(uri.path), maxBytes);
    return;
  }
  if (existsSync(uri.path)) {
    const readOnly = role === "fallback" || uri.options["id"] !== undefined;
    if (!(yield* lookAtFolder(uri.path, readOnly ? null : maxBytes))) return;
  }
  const tidy = rememberFolders(uri.path);
  try {
    yield* examine(uri, role, context);
  } finally {
    await tidy();
  }
}

async function* examine(
  uri: StorageUri,
  role: StorageRole,
  context: DoctorContext,
): AsyncIterable<Finding> {
  const { parts, signal } = context;
  const recorder = new RequestRecorder(parts.clock.now);
  let driver: StorageDriver | undefined;
  try {
    driver = await waitFor(parts.openStorage(uri, recorder.wrap), { signal });
    const identity = await identify(uri, role, driver, context);
    yield identity;
    // One permission of several may be denied: the probe shows which. Any other failure would only be repeated.
    if (identity.status === "ok" || identity.denied) {
      const written = yield* probe(uri, driver, signal);
      if (written && driver.multipart !== undefined) {
        yield* probeMultipart(uri, driver.multipart, signal);
      }
    }
  } catch (error) {
    if (isAbort(error)) throw error;
    context.silentStorages.add(uri.display);
    yield toFinding({ error, uri });
  } finally {
    await driver?.dispose?.();
  }
  yield* recorder.findings();
}

/** Which storage this is. A fresh one gets no identity here: the service assigns it. */
async function identify(
  uri: StorageUri,
  role: StorageRole,
  driver: StorageDriver,
  { signal, storageIds, silentStorages }: DoctorContext,
): Promise<Finding & { readonly denied?: boolean }> {
  try {
    const found = await waitFor(findStorageId(driver), { signal });
    const id = uri.options["id"] ?? found;
    if (id !== null && found !== null && id !== found) {
      const advice = "correct the location or the ?id= of the URI";
      return { status: "fail", text: `it is storage ${found}, not ${id}`, advice };
    }
    if (id !== null) {
      storageIds.add(id);
      return { status: "ok", text: `can be reached; it is storage ${id}` };
    }
    if (role !== "fallback") {
      return { status: "ok", text: "can be reached; nothing has been stored here yet" };
    }
    // The server refuses to start with it: a mistyped location must not become a storage.
    const text = "nothing was ever stored here, so it cannot be a fallback";
    const advice = "mount its disk, or correct or remove it in FILE_STORAGE_FALLBACK";
    return { status: "fail", text, advice };
  } catch (error) {
    if (isAbort(error)) throw error;
    silentStorages.add(uri.display);
    const denied = isStowageError(error, "storage_access_denied");
    const step = denied ? "read its id" : undefined;
    return { ...toFinding({ error, uri, step }), denied };
  }
}

/** @returns Whether something could be written. */
async function* probe(
  uri: StorageUri,
  driver: StorageDriver,
  signal: AbortSignal,
): AsyncGenerator<Finding, boolean> {
  const { steps } = await driver.check({ signal });
  const done = steps.filter(({ ok }) => ok).map(({ name }) => name);
  if (done.length > 0) yield { status: "ok", text: `works: ${done.join(", ")}` };
  for (const { name: step, error } of steps.filter(({ ok }) => !ok)) {
    const finding = toFinding({ error, uri, step });
    // A storage with ?id= is only read from.
    const tolerated = uri.options["id"] !== undefined && (step === "write" || step === "delete");
    yield tolerated ? { ...finding, status: "warn" } : finding;
  }
  return done.includes("write");
}
