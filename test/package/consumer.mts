// What an application in TypeScript would write. It is compiled, never run.

import { hc } from "hono/client";
import { loadConfig, type Upload } from "stowage";
import {
  type Upload as ApiUpload,
  createClient,
  type StowageApi,
  StowageApiError,
} from "stowage/client";
import { type ConformanceCase, conformanceCases, register } from "stowage/conformance";
import {
  type DriverDefinition,
  defineDriver,
  probeDriver,
  type StorageDriver,
  z,
} from "stowage/driver";
import unstorage, { fromUnstorage, type UnstorageDriver } from "stowage/drivers/unstorage";
import {
  createStowage,
  driverContext,
  parseTenantId,
  type Stowage,
  StowageError,
} from "stowage/node";
import { defineProcessor } from "stowage/processor";

declare const verbs: Omit<StorageDriver, "name" | "check">;

export const acme: DriverDefinition = defineDriver({
  name: "acme",
  options: z.strictObject({ path: z.string() }),
  create(options, { random }) {
    const path: string = options.path;
    // @ts-expect-error Types that are any would let this pass.
    const wrong: number = options.path;
    void [path, wrong];
    const driver = { ...verbs, check: () => probeDriver(driver, random) };
    return driver;
  },
});

declare const kv: UnstorageDriver;
export const shelf: DriverDefinition = fromUnstorage("shelf", () => kv);

export const cases: readonly ConformanceCase[] = conformanceCases({
  open: () => acme.open({ path: "x" }, driverContext()),
});
register((_name, _run) => {}, cases);

export const counter = defineProcessor({
  name: "counter",
  version: "1",
  accepts: ["text/plain"],
  async process() {
    return { output: {} };
  },
});

export async function open(): Promise<Stowage> {
  const stowage = await createStowage({ env: {}, drivers: [acme, unstorage] });
  const answer: Response = await stowage.fetch(new Request("http://localhost/health/live"));
  // @ts-expect-error The tenant of an upload is no plain text.
  const tenant: Upload["tenant"] = "acme";
  // @ts-expect-error There is no such code.
  const error = new StowageError("no_such_code", "Cannot be");
  void [answer, tenant, parseTenantId("acme"), error, loadConfig];
  return stowage;
}

export async function call(): Promise<ApiUpload> {
  const client = createClient({ baseUrl: "https://files.example.com", token: async () => "key" });
  const upload = await client.upload(new Blob(["x"]), { filename: "a.txt", autoProcess: true });
  for await (const { filename } of client.list({ createdAfter: new Date(), limit: 10 })) {
    const name: string = filename;
    void name;
  }
  // @ts-expect-error There is no such status.
  client.list({ status: "done" });
  // @ts-expect-error Types that are any would let this pass.
  const wrong: number = upload.filename;
  const api = hc<StowageApi>("https://files.example.com");
  const found = await api.api.v1.upload[":id"].$get({ param: { id: upload.id } });
  if (!found.ok) throw new StowageApiError((await found.json()).code, "No");
  const same: ApiUpload = await found.json();
  void [wrong, same];
  return upload;
}
