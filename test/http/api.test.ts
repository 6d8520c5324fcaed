import { hc } from "hono/client";
import { expect, expectTypeOf, test } from "vitest";
import type { BodyOf, Call, QueryOf, ResponseOf, StowageApi } from "../../src/http/api.ts";
import type { Problem } from "../../src/http/problem.ts";
import type { UploadJson } from "../../src/http/schemas.ts";
import { testApp } from "../support/test-app.ts";

test("hc<StowageApi>() knows what each route takes and answers", async () => {
  const app = await testApp();
  const api = hc<StowageApi>("http://test", {
    headers: { Authorization: "Bearer acme" },
    fetch: async (input: string | URL | Request, init?: RequestInit) =>
      await app.stowage.fetch(new Request(input, init)),
  });
  const { id } = await app.put("Hello");
  const found = await api.api.v1.upload[":id"].$get({ param: { id } });
  if (!found.ok) {
    expectTypeOf(await found.json()).toEqualTypeOf<Problem>();
    throw new Error("It is there");
  }
  const upload = await found.json();
  expectTypeOf(upload.filename).toEqualTypeOf<string>();
  expectTypeOf(upload.size).toEqualTypeOf<number | null>();
  expect(upload).toMatchObject({ id, filename: "a.txt", size: 5 });

  const list = await api.api.v1.upload.$get({ query: { limit: "1", status: "stored" } });
  expect(await list.json()).toMatchObject({ items: [{ id }] });
  const again = await api.api.v1.upload[":id"].reprocess.$post({
    param: { id },
    json: { processors: ["echo"] },
  });
  expect(again.status).toBe(202);

  // What follows is compiled, never run.
  const wrong = () => [
    // @ts-expect-error There is no such parameter.
    api.api.v1.upload.$get({ query: { stauts: "stored" } }),
    // @ts-expect-error There is no such status.
    api.api.v1.upload.$get({ query: { status: "done" } }),
    // @ts-expect-error Names are text.
    api.api.v1.upload[":id"].reprocess.$post({ param: { id }, json: { processors: [1] } }),
    // @ts-expect-error There is no such route.
    api.api.v1.download.$get(),
  ];
  expect(wrong).toBeTypeOf("function");
});

test("the types of a call are those of its route", () => {
  expectTypeOf<ResponseOf<"get /upload/{id}">>().toEqualTypeOf<UploadJson>();
  expectTypeOf<ResponseOf<"get /upload">["items"][number]>().toEqualTypeOf<UploadJson>();
  expectTypeOf<QueryOf<"get /upload">>().toHaveProperty("filename_prefix");
  expectTypeOf<BodyOf<"post /upload/{id}/reprocess">>().toEqualTypeOf<{
    processors?: string[] | undefined;
  }>();
  expectTypeOf<"get /nowhere">().not.toExtend<Call>();
});
