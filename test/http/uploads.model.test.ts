import fc from "fast-check";
import { expect, test } from "vitest";
import { type TestApp, testApp } from "../support/test-app.ts";

const UPLOAD = "/api/v1/upload";
const TENANTS = ["acme", "other"] as const;
type Tenant = (typeof TENANTS)[number];

/** What a caller knows of an upload. */
interface ModelUpload {
  readonly id: string;
  readonly tenant: Tenant;
  readonly filename: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  metadata: Record<string, unknown>;
  status: "stored" | "queued";
  /** Its latest entity tag, and one that it had before, if it had another. */
  etag: string;
  oldEtag: string | null;
  gone: boolean;
}

/** In the order in which they came. */
type Model = ModelUpload[];
type Step = fc.AsyncCommand<Model, TestApp>;

function step(name: string, run: (model: Model, app: TestApp) => Promise<void>): Step {
  return { check: () => true, toString: () => name, run };
}

function pick(model: Model, index: number): ModelUpload | undefined {
  return model[index % model.length];
}

/** A call about one upload, by its tenant or by the other. */
function call(
  app: TestApp,
  of: ModelUpload,
  own: boolean,
  [method, path = ""]: readonly [string, string?],
  init: { headers?: Record<string, string>; body?: string } = {},
): Promise<Response> {
  const stranger = TENANTS.find((tenant) => tenant !== of.tenant);
  const headers = { ...init.headers, Authorization: `Bearer ${own ? of.tenant : stranger}` };
  return app.send(method, `${UPLOAD}/${of.id}${path}`, { ...init, headers });
}

/** The status where the call is good: what is gone and what is another's are answered the same. */
function statusOf(of: ModelUpload, own: boolean, good: number): number {
  return own && !of.gone ? good : 404;
}

function seen({ id, filename, bytes, metadata, status, tenant }: ModelUpload) {
  return { id, filename, size: bytes.byteLength, metadata, status, tenant_id: tenant };
}

async function readTag(app: TestApp, of: ModelUpload): Promise<void> {
  const etag = (await call(app, of, true, ["GET"])).headers.get("ETag") ?? "";
  if (etag !== of.etag) of.oldEtag = of.etag;
  of.etag = etag;
}

const at = fc.nat(1000);
const mostly = fc.integer({ min: 0, max: 4 }).map((n) => n > 0);
/** Which entity tag a change expects, if any: none, the latest, an old one. */
const expectation = fc.constantFrom("none", "latest", "old");

function ifMatch(of: ModelUpload, expected: string): Record<string, string> {
  if (expected === "latest") return { "If-Match": of.etag };
  return expected === "old" && of.oldEtag !== null ? { "If-Match": of.oldEtag } : {};
}

function changeStatus(of: ModelUpload, own: boolean, expected: string, good: number): number {
  const isStale = own && !of.gone && expected === "old" && of.oldEtag !== null;
  return isStale ? 412 : statusOf(of, own, good);
}

const bodies = fc.oneof(
  fc.string({ maxLength: 40 }).map((text) => new TextEncoder().encode(text)),
  // Nothing reads it.
  fc.constant(new Uint8Array([0, 1, 2, 3, 255])),
);

const steps = [
  fc
    .tuple(fc.constantFrom(...TENANTS), fc.constantFrom("a.txt", "b.txt", "ä b.txt"), bodies)
    .map(([tenant, filename, bytes]) =>
      step(`upload(${tenant}, ${filename}, [${bytes}])`, async (model, app) => {
        const answer = await app.send("PUT", `${UPLOAD}/${encodeURIComponent(filename)}`, {
          headers: { Authorization: `Bearer ${tenant}` },
          body: bytes,
        });
        expect(answer.status).toBe(201);
        const { id } = (await answer.json()) as { id: string };
        const of: ModelUpload = {
          id,
          tenant,
          filename,
          bytes,
          metadata: {},
          status: "stored",
          etag: "",
          oldEtag: null,
          gone: false,
        };
        await readTag(app, of);
        of.oldEtag = null;
        model.push(of);
        app.clock.advance(1);
      }),
    ),
  fc.constantFrom(...TENANTS).map((tenant) =>
    step(`list(${tenant})`, async (model, app) => {
      const headers = { Authorization: `Bearer ${tenant}` };
      const items: unknown[] = [];
      for (let cursor: string | null = ""; cursor !== null; ) {
        const query: string = cursor && `&cursor=${encodeURIComponent(cursor)}`;
        const answer = await app.send("GET", `${UPLOAD}?limit=3${query}`, { headers });
        const page = (await answer.json()) as { items: unknown[]; next_cursor: string | null };
        items.push(...page.items);
        cursor = page.next_cursor;
      }
      const expected = model.filter((of) => of.tenant === tenant && !of.gone).reverse();
      expect(items).toMatchObject(expected.map(seen));
    }),
  ),
  fc.tuple(at, mostly).map(([index, own]) =>
    step(`get(${index}, ${own})`, async (model, app) => {
      const of = pick(model, index);
      if (of === undefined) return;
      const answer = await call(app, of, own, ["GET"]);
      expect(answer.status).toBe(statusOf(of, own, 200));
      if (answer.status !== 200) return;
      expect(answer.headers.get("ETag")).toBe(of.etag);
      expect(await answer.json()).toMatchObject(seen(of));
    }),
  ),
  fc.tuple(at, mostly, fc.nat(50)).map(([index, own, start]) =>
    step(`download(${index}, ${own}, ${start})`, async (model, app) => {
      const of = pick(model, index);
      if (of === undefined) return;
      const headers = { Range: `bytes=${start}-` };
      const answer = await call(app, of, own, ["GET", "/file"], { headers });
      const good = start < of.bytes.byteLength ? 206 : 416;
      expect(answer.status).toBe(statusOf(of, own, good));
      if (answer.status === 206) expect(await answer.bytes()).toEqual(of.bytes.slice(start));
    }),
  ),
  fc
    .tuple(at, mostly, expectation, fc.constantFrom("x", "y"), fc.option(fc.nat(9)))
    .map(([index, own, expected, name, value]) =>
      step(`patch(${index}, ${own}, ${expected}, ${name}, ${value})`, async (model, app) => {
        const of = pick(model, index);
        if (of === undefined) return;
        const answer = await call(app, of, own, ["PATCH"], {
          headers: { "Content-Type": "application/json", ...ifMatch(of, expected) },
          body: JSON.stringify({ metadata: { [name]: value } }),
        });
        expect(answer.status).toBe(changeStatus(of, own, expected, 200));
        if (answer.status !== 200) return;
        const { [name]: _, ...others } = of.metadata;
        of.metadata = value === null ? others : { ...others, [name]: value };
        const object = (await answer.json()) as { metadata: unknown };
        expect(object).toMatchObject(seen(of));
        expect(object.metadata).toEqual(of.metadata);
        await readTag(app, of);
      }),
    ),
  fc.tuple(at, mostly, expectation).map(([index, own, expected]) =>
    step(`delete(${index}, ${own}, ${expected})`, async (model, app) => {
      const of = pick(model, index);
      if (of === undefined) return;
      const headers = ifMatch(of, expected);
      const answer = await call(app, of, own, ["DELETE"], { headers });
      expect(answer.status).toBe(changeStatus(of, own, expected, 204));
      if (answer.status === 204) of.gone = true;
    }),
  ),
  fc.tuple(at, mostly, expectation).map(([index, own, expected]) =>
    step(`reprocess(${index}, ${own}, ${expected})`, async (model, app) => {
      const of = pick(model, index);
      if (of === undefined) return;
      const headers = ifMatch(of, expected);
      const answer = await call(app, of, own, ["POST", "/reprocess"], { headers });
      expect(answer.status).toBe(changeStatus(of, own, expected, 202));
      if (answer.status !== 202) return;
      const object = (await answer.json()) as { content_type: string };
      if (object.content_type === "text/plain") of.status = "queued";
      expect(object).toMatchObject(seen(of));
      await readTag(app, of);
    }),
  ),
];

test("uploads of two tenants follow the model, whatever is called in whatever order", async () => {
  await fc.assert(
    fc.asyncProperty(fc.commands(steps, { maxCommands: 60, size: "large" }), async (commands) => {
      const app = await testApp();
      const model: Model = [];
      await fc.asyncModelRun(() => ({ model, real: app }), commands);
      for (const of of model) {
        expect((await call(app, of, true, ["DELETE"])).status).toBe(statusOf(of, true, 204));
      }
      expect(await app.rows()).toBe(0);
      expect(await app.kept()).toEqual({ files: 0, records: 0 });
    }),
    { numRuns: 25 },
  );
});
