import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import local from "../../drivers/fs.ts";
import type { StorageDriver } from "../../src/driver.ts";
import { defineProcessor } from "../../src/processor.ts";
import { problemOf } from "../http/problem-of.ts";
import { LEASE_MS } from "../support/services.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { fieldPart, filePart, form, type TestAppOptions, testApp } from "../support/test-app.ts";

const UNAVAILABLE = { status: 503, code: "storage_unavailable" };

/** A service over a folder that can be taken away, as an unmount does. */
async function scene(options: (unmount: () => void) => TestAppOptions = () => ({})) {
  const parent = tempFolder();
  const root = join(parent, "root");
  const aside = join(parent, "aside");
  const unmount = (): void => {
    renameSync(root, aside);
    mkdirSync(root);
  };
  const app = await testApp({
    drivers: [local],
    env: { FILE_STORAGE_TYPE: "local", FILE_STORAGE_PATH: root },
    ...options(unmount),
  });
  return {
    ...app,
    root,
    aside,
    unmount,
    mount() {
      expect(readdirSync(root)).toEqual([]);
      rmSync(root, { recursive: true });
      renameSync(aside, root);
    },
    problem: async (method: string, path: string, body: RequestInit["body"] = null) =>
      await problemOf(await app.send(method, `/api/v1/upload${path}`, { body })),
    ready: async () => {
      const answer = await app.send("GET", "/health/ready", { headers: { Authorization: "" } });
      const { checks } = (await answer.json()) as { checks: { error_code: string | null }[] };
      return [answer.status, checks[0]?.error_code];
    },
    /** What is left once every reservation has expired and every delete counts as interrupted. */
    async reconciled() {
      app.clock.advance(2 * LEASE_MS);
      await app.stowage.reconciler.run();
      return { rows: await app.rows(), unfinished: readdirSync(join(root, ".stowage/tmp")) };
    },
    processing: async (id: string) => {
      const answer = await app.send("GET", `/api/v1/upload/${id}`);
      return ((await answer.json()) as { status: string }).status;
    },
  };
}

test("a folder that was replaced by an empty one: nothing is acknowledged, and it recovers by itself", async () => {
  const app = await scene();
  const { id } = await app.put("kept");
  const doomed = await app.put("doomed");
  expect(await app.ready()).toEqual([200, null]);
  app.unmount();
  expect(await app.problem("PUT", "/new.txt", "new")).toEqual(UNAVAILABLE);
  expect(await app.ready()).toEqual([503, "storage_unavailable"]);
  expect(await app.problem("GET", `/${id}/file`)).toEqual(UNAVAILABLE);
  expect(await app.problem("DELETE", `/${doomed.id}`)).toEqual(UNAVAILABLE);
  app.clock.advance(2 * LEASE_MS);
  expect(await app.stowage.reconciler.run()).toMatchObject({ removed: 0, deferred: 2 });

  app.mount();
  app.clock.advance(2_000);
  expect(await app.ready()).toEqual([200, null]);
  expect((await app.put("after")).id).toBeTruthy();
  const file = await app.send("GET", `/api/v1/upload/${id}/file`);
  expect(await file.text()).toBe("kept");
  expect(await app.reconciled()).toEqual({ rows: 2, unfinished: [] });
  expect(existsSync(join(app.root, "acme", doomed.id))).toBe(false);
});

test("a folder that goes in the middle of a form: 503, and nothing is left once it is back", async () => {
  const app = await scene();
  await app.put("from before");
  const { body, headers } = form([
    filePart("x".repeat(700_000)),
    fieldPart("auto_process", "false"),
  ]);
  async function* slices() {
    const bytes = new TextEncoder().encode(body);
    yield bytes.subarray(0, 650_000);
    await expect.poll(() => readdirSync(join(app.root, ".stowage/tmp"))).toHaveLength(1);
    app.unmount();
    yield bytes.subarray(650_000);
  }
  const answer = await app.send("POST", "/api/v1/upload", {
    headers,
    body: ReadableStream.from(slices()),
  });
  expect(await problemOf(answer)).toEqual(UNAVAILABLE);
  app.mount();
  expect(await app.reconciled()).toEqual({ rows: 1, unfinished: [] });
});

test("a folder that goes in the middle of a delete: 503, and the reconciler finishes when it is back", async () => {
  let deletes = 0;
  const app = await scene((unmount) => ({
    tamper: (driver: StorageDriver) => ({
      async delete(...call: Parameters<StorageDriver["delete"]>) {
        deletes += 1;
        if (deletes === 1) unmount();
        return await driver.delete(...call);
      },
    }),
  }));
  const { id } = await app.put("doomed");
  expect(await app.problem("DELETE", `/${id}`)).toEqual(UNAVAILABLE);
  expect(await app.problem("GET", `/${id}`)).toEqual({ status: 404, code: "upload_not_found" });
  app.mount();
  expect(await app.reconciled()).toEqual({ rows: 0, unfinished: [] });
  expect(existsSync(join(app.root, "acme"))).toBe(false);
});

test.each<["reads" | "writes"]>([
  ["reads"],
  ["writes"],
])("a folder that goes before a job %s: it is tried again when the folder is back", async (moment) => {
  let runs = 0;
  const app = await scene((unmount) => ({
    processors: [
      defineProcessor({
        name: "echo",
        version: "1",
        accepts: ["text/plain"],
        async process(input) {
          runs += 1;
          if (runs === 1 && moment === "reads") unmount();
          const text = new TextDecoder().decode(await input.bytes());
          if (runs === 1 && moment === "writes") unmount();
          return { output: {}, text };
        },
      }),
    ],
  }));
  app.stowage.worker.start();
  const { id } = await app.put("hello", "a.txt", "?auto_process=true");
  await expect.poll(() => app.log.map(({ event }) => event)).toContain("processing.finished");
  expect([runs, await app.processing(id)]).toEqual([1, "queued"]);
  app.mount();
  app.clock.advance(60_000);
  // Wakes the worker.
  const other = await app.put("other", "a.txt", "?auto_process=true");
  await expect.poll(() => app.processing(id)).toBe("processed");
  const text = await app.send("GET", `/api/v1/upload/${id}/text`);
  expect(await text.text()).toBe("hello");
  await expect.poll(() => app.processing(other.id)).toBe("processed");
  expect(runs).toBe(3);
});
