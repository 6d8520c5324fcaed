// What an application in JavaScript would write: every public entry, and an upload through each kind of use.
import { createStowage as createCore, loadConfig } from "stowage";
import { createClient, StowageApiError } from "stowage/client";
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
  authenticate: () => ({ tenant: parseTenantId("acme"), subject: "me", scopes: SCOPES }),
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
const client = createClient({
  baseUrl: "http://localhost",
  fetch: async (input, init) => await stowage.fetch(new Request(input, init)),
});
const second = await client.upload(new Blob(["Hello"]), { filename: "hello.txt" });
const again = await (await client.download(second.id)).text();
const missing = await client.get("nothing").catch((error) => error);
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
    client: [again, missing instanceof StowageApiError, missing.code],
    results,
    entries: [typeof createCore, typeof loadConfig, processor.name, acme.name],
  }),
);
