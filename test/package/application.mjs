// What an application in JavaScript would write: every public entry, and an upload through each kind of use.
import { createStowage as createCore, loadConfig } from "stowage";
import { conformanceCases, runAll } from "stowage/conformance";
import { defineDriver, z } from "stowage/driver";
import unstorage, { fromUnstorage } from "stowage/drivers/unstorage";
import { createStowage, driverContext, parseTenantId, SCOPES } from "stowage/node";
import { defineProcessor } from "stowage/processor";
import memory from "unstorage/drivers/memory";

const inner = memory();
const shelf = fromUnstorage("shelf", () => inner);
const stowage = await createStowage({
  env: { FILE_STORAGE_TYPE: "shelf", DATABASE_URL: "sqlite::memory:", LOG_LEVEL: "error" },
  drivers: [shelf],
  async authenticate() {
    const scopes = new Set(SCOPES);
    return { kind: "tenant", tenant: parseTenantId("acme"), subject: "me", scopes };
  },
});
const acme = defineDriver({ name: "acme", options: z.looseObject({}), create: () => ({}) });
const address = "http://localhost/api/v1/upload";
const stored = await stowage.fetch(
  new Request(`${address}/hello.txt`, { method: "PUT", body: "Hello" }),
);
const { id } = await stored.json();
const read = await stowage.fetch(new Request(`${address}/${id}/file`));
const text = await read.text();
const items = (await inner.getKeys("", {})).length;
await stowage.close();

const cases = conformanceCases({
  open: () => unstorage.open({ path: "memory" }, driverContext()),
  keepsObjectsInMemory: true,
}).filter(({ name }) => name.includes("every kind of body"));
const results = await runAll(cases);

const processor = defineProcessor({
  name: "counter",
  version: "1",
  accepts: ["text/plain"],
  process: async () => ({ output: {} }),
});
console.log(
  JSON.stringify({
    status: stored.status,
    text,
    items: items > 0,
    results,
    entries: [typeof createCore, typeof loadConfig, processor.name, acme.name],
  }),
);
