import { expect, test } from "vitest";
import { StowageError } from "../../src/domain/errors.ts";
import { UploadListSchema, UploadSchema } from "../../src/http/schemas.ts";
import { type TestApp, testApp } from "../support/test-app.ts";
import { problemOf } from "./problem-of.ts";

const UPLOAD = "/api/v1/upload";
const NOTHING = { files: 0, records: 0 };

test("records that are away make a 503, whatever was asked", async () => {
  const away = async (): Promise<never> => {
    throw new StowageError("records_unavailable", "Cannot open /srv/secret.db", {
      retryable: true,
    });
  };
  const app = await testApp({
    tamperRecords: () => ({ reserve: away, find: away, list: away, beginDelete: away }),
  });
  for (const [method, path] of [
    ["PUT", `${UPLOAD}/a`],
    ["GET", UPLOAD],
    ["GET", `${UPLOAD}/x`],
    ["GET", `${UPLOAD}/x/file`],
    ["GET", `${UPLOAD}/x/result`],
    ["POST", `${UPLOAD}/x/reprocess`],
    ["DELETE", `${UPLOAD}/x`],
  ] as const) {
    const answer = await app.send(method, path);
    expect(await answer.clone().text()).not.toContain("secret");
    expect(await problemOf(answer)).toEqual({ status: 503, code: "records_unavailable" });
  }
});

test("GET /upload/{id} returns an upload; an unknown id is a 404 in any form", async () => {
  const app = await testApp();
  const upload = await app.put("hello");
  const answer = await app.send("GET", `${UPLOAD}/${upload.id.toUpperCase()}/`);
  expect(answer.status).toBe(200);
  expect(answer.headers.get("Cache-Control")).toBe("no-store");
  expect(UploadSchema.strict().parse(await answer.json())).toEqual(upload);
  for (const id of [
    "nothing",
    "0199f5a0-0000-7000-8000-000000000000",
    "a%00b",
    "%F0%9F%98%80",
    "%FF",
    "x".repeat(5000),
  ]) {
    const missing = await app.send("GET", `${UPLOAD}/${id}`);
    expect(await problemOf(missing)).toEqual({ status: 404, code: "upload_not_found" });
  }
});

test("DELETE /upload/{id} removes file and record; again it is missing", async () => {
  const app = await testApp();
  const { id } = await app.put("hello");
  const answer = await app.send("DELETE", `${UPLOAD}/${id}`);
  expect([answer.status, await answer.text()]).toEqual([204, ""]);
  expect(await app.kept()).toEqual(NOTHING);
  for (const [method, path] of [
    ["DELETE", ""],
    ["GET", ""],
    ["GET", "/file"],
    ["GET", "/result"],
    ["POST", "/reprocess"],
  ] as const) {
    const missing = await app.send(method, `${UPLOAD}/${id}${path}`);
    expect(await problemOf(missing)).toEqual({ status: 404, code: "upload_not_found" });
  }
});

async function listOf(app: TestApp, query: string) {
  const answer = await app.send("GET", `${UPLOAD}${query}`);
  expect(answer.status).toBe(200);
  return UploadListSchema.strict().parse(await answer.json());
}

test("GET /upload lists newest first, page by page, each upload once", async () => {
  const app = await testApp();
  const ids: string[] = [];
  for (let at = 0; at < 7; at += 1) {
    ids.unshift((await app.put(`${at}`)).id);
    // Two share each millisecond.
    if (at % 2 === 1) app.clock.advance(1);
  }
  const seen: string[] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const page = await listOf(app, `?limit=3${cursor && `&cursor=${cursor}`}`);
    expect(page.items.length).toBeLessThanOrEqual(3);
    seen.push(...page.items.map(({ id }) => id));
    cursor = page.next_cursor;
  }
  expect(new Set(seen)).toEqual(new Set(ids));
  expect(seen).toHaveLength(7);
  expect(await listOf(app, "")).toMatchObject({ next_cursor: null });
});

test("Link leads from page to page of the same question, and ends with the last", async () => {
  const app = await testApp({ env: { PUBLIC_URL: "https://files.example/base" } });
  for (const name of ["a>1.txt", "a>2.txt", "b.txt", "a>3.txt"]) {
    await app.put("x", name);
    app.clock.advance(1);
  }
  const seen: string[] = [];
  const start = "https://files.example/base/api/v1/upload?limit=2&filename_prefix=a%3E";
  for (let address: string | undefined = start; address !== undefined; ) {
    expect(address).toMatch(/^https:\/\/files\.example\/base\/api\/v1\/upload\?/);
    const answer = await app.send("GET", address.slice("https://files.example/base".length));
    const { items } = UploadListSchema.parse(await answer.json());
    seen.push(...items.map(({ filename }) => filename));
    address = /^<([^>]+)>; rel="next"$/.exec(answer.headers.get("Link") ?? "")?.[1];
  }
  expect(seen).toEqual(["a>3.txt", "a>2.txt", "a>1.txt"]);
});

test("GET /upload filters by status, name and time", async () => {
  const app = await testApp();
  await app.put("1", "cv-ä.txt");
  app.clock.advance(60_000);
  await app.put("2", "cv-b.txt", "?auto_process=true");
  app.clock.advance(60_000);
  await app.put("3", "letter.txt");
  const names = async (query: string) =>
    (await listOf(app, query)).items.map(({ filename }) => filename);
  expect(await names("?status=queued")).toEqual(["cv-b.txt"]);
  expect(await names("?filename_prefix=cv-")).toEqual(["cv-b.txt", "cv-ä.txt"]);
  // The same letter spelt with a combining mark.
  expect(await names("?filename_prefix=cv-a%CC%88")).toEqual(["cv-ä.txt"]);
  expect(await names("?created_after=2026-11-24T00:01:00Z")).toEqual(["letter.txt", "cv-b.txt"]);
  expect(await names("?created_before=2026-11-24T01:01:00%2B01:00")).toEqual([
    "cv-b.txt",
    "cv-ä.txt",
  ]);
  expect(
    await names("?created_after=2026-11-24T00:00:30Z&created_before=2026-11-24T00:01:30Z"),
  ).toEqual(["cv-b.txt"]);
  expect(await names("?status=uploading")).toEqual([]);
});

test.each([
  ["limit=0", 422, "invalid_parameter"],
  ["limit=201", 422, "invalid_parameter"],
  ["limit=1e2", 422, "invalid_parameter"],
  ["limit=-1", 422, "invalid_parameter"],
  ["limit=1000000000", 422, "invalid_parameter"],
  ["limit=", 422, "invalid_parameter"],
  ["limit=1&limit=2", 422, "invalid_parameter"],
  ["status=deleting", 422, "invalid_parameter"],
  ["created_after=yesterday", 422, "invalid_parameter"],
  ["created_after=2026-11-24", 422, "invalid_parameter"],
  [`filename_prefix=${"x".repeat(256)}`, 422, "invalid_parameter"],
  ["cursor=nonsense", 400, "invalid_cursor"],
  ["cursor=", 400, "invalid_cursor"],
  [`cursor=${"A".repeat(4000)}`, 400, "invalid_cursor"],
])("GET /upload?%s is refused", async (query, status, code) => {
  const app = await testApp();
  expect(await problemOf(await app.send("GET", `${UPLOAD}?${query}`))).toEqual({ status, code });
});

test("a refusal names every parameter that was wrong", async () => {
  const app = await testApp();
  const answer = await app.send("GET", `${UPLOAD}?limit=x&status=y&__proto__=z`);
  const { errors } = (await answer.json()) as { errors: { parameter: string }[] };
  expect(errors.map(({ parameter }) => parameter).sort()).toEqual(["limit", "status"]);
});
