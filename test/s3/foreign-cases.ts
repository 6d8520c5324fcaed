import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { S3Endpoint } from "./endpoint.ts";
import { FOREIGN_CLIENTS, type ForeignClient } from "./foreign-clients.ts";

const ODD_KEYS = [
  "a b",
  "a  b ",
  "a+b",
  "a%20b",
  "a%2Fb",
  "100%",
  "ü/日本/🎈",
  "u\u0308",
  "~!'()*",
  "a&b=c?d#e",
  '<x>&amp;"y"',
  "@:;,$[]{}|^`",
  "back\\slash",
  "a//b",
  "a/",
  ".hidden",
  "..a/b..",
  "k".repeat(900),
];

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
const bytes = (content: string) => new Uint8Array(Buffer.from(content));

/** The same cases with the same expectations for every server: what one of them does alone proves nothing. */
export function testForeignClients(start: () => Promise<S3Endpoint>, skip = false): void {
  for (const [name, connect] of Object.entries(FOREIGN_CLIENTS)) {
    describe.skipIf(skip)(name, () => {
      let server: S3Endpoint;
      let client: ForeignClient;
      beforeAll(async () => {
        server = await start();
        client = connect(server, await server.makeBucket());
      });
      afterAll(async () => {
        client?.close();
        await server?.stop();
      });

      test("reads back what it put, with type and metadata", async () => {
        const metadata = { origin: "a  test", "x-y": "1" };
        await client.put("docs/one.txt", bytes("one"), { contentType: "text/plain", metadata });
        expect(text(await client.get("docs/one.txt"))).toBe("one");
        expect(await client.head("docs/one.txt")).toEqual({
          sizeBytes: 3,
          contentType: "text/plain",
          metadata,
          etag: createHash("md5").update("one").digest("hex"),
        });
        expect(await client.head("docs/none")).toBeNull();
      });

      test("stores an empty object", async () => {
        await client.put("empty", new Uint8Array());
        expect(await client.get("empty")).toHaveLength(0);
      });

      test("reads ranges, and no further than the object", async () => {
        await client.put("digits", bytes("0123456789"));
        expect(text(await client.get("digits", [2, 4]))).toBe("234");
        expect(text(await client.get("digits", [8, 99]))).toBe("89");
        await expect(client.get("digits", [10, 12])).rejects.toMatchObject({
          [name === "minio" ? "code" : "name"]: "InvalidRange",
        });
      });

      test.each(
        ODD_KEYS.map((key) => [key.slice(0, 40), key]),
      )("keeps the key %j", async (_, key) => {
        await client.put(`odd/${key}`, bytes(key));
        expect(text(await client.get(`odd/${key}`))).toBe(key);
        expect(await client.head(`odd/${key}`)).toMatchObject({ sizeBytes: bytes(key).length });
        expect(await client.list(`odd/${key}`, 1000)).toContain(`odd/${key}`);
        await client.delete([`odd/${key}`]);
        expect(await client.head(`odd/${key}`)).toBeNull();
      });

      test("lists in pages, by the bytes of the keys", async () => {
        const keys = ["p/\u{1f388}", "p/\uff01", "p/Z", "p/a", "p/a/b", "p/é", "q"];
        for (const key of keys) await client.put(key, bytes(key));
        expect(await client.list("p/", 2)).toEqual([
          "p/Z",
          "p/a",
          "p/a/b",
          "p/é",
          "p/\uff01",
          "p/\u{1f388}",
        ]);
      });

      test("deletes a batch, with keys that are not there", async () => {
        for (const key of ["d/1", "d/2", "d/3"]) await client.put(key, bytes(key));
        await client.delete(["d/1", "d/none", "d/3"]);
        expect(await client.list("d/", 1000)).toEqual(["d/2"]);
      });

      test("stores a body of unknown length in parts", async () => {
        const body = new Uint8Array(11 * 1024 ** 2).map((_, i) => (i * 31) ^ (i >> 13));
        await client.putInParts("large", body, 5 * 1024 ** 2);
        expect(Buffer.compare(await client.get("large"), body)).toBe(0);
        expect((await client.head("large"))?.etag).toMatch(/^[0-9a-f]{32}-3$/);
      });

      test("finds the uploads that are under way, until they are aborted", async () => {
        // minio's client forgets at which upload of a key a page ended.
        const twice = name === "minio" ? "u/b d" : "u/b c";
        const keys = ["u/a", "u/b c", twice, "u/é", "v"];
        const ids: string[] = [];
        for (const key of keys) ids.push(await client.beginUpload(key));
        const found = await client.uploads("u/");
        expect(found.map(({ key }) => key)).toEqual(keys.slice(0, 4));
        expect(found.map(({ id }) => id).sort()).toEqual(ids.slice(0, 4).sort());
        for (const { key, id } of found) await client.abortUpload(key, id);
        expect(await client.uploads("u/")).toEqual([]);
      });

      test("reads by signed links, where the client makes them", async () => {
        for (const key of client.link ? ["l/a b+c", "l/~!'()*", "l/ü"] : []) {
          await client.put(key, bytes(key));
          const answer = await fetch((await client.link?.(key)) ?? "");
          expect(answer.headers.get("content-type")).toBe("text/plain; a=b+c");
          expect(await answer.text()).toBe(key);
        }
      });
    });
  }
}
