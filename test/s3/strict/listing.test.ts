import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "../raw-request.ts";
import { type StrictS3, startStrictS3 } from "../strict-server.ts";

let server: StrictS3;
const KEYS = ["a", "b/1", "b/2", "b/c/3", "d e+f", "z\u0001"];
beforeAll(async () => {
  server = await startStrictS3({ maxDeleteKeys: 3 });
  await server.makeBucket("bucket");
  for (const key of KEYS) {
    const path = `/bucket/${encodeURIComponent(key)}`;
    await ask(server, { method: "PUT", path, body: key });
  }
});
afterAll(() => server.stop());

const list = (query: string) => ask(server, { path: "/bucket", query: `list-type=2&${query}` });
const all = (xml: string, name: string) =>
  [...xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, "g"))].map((match) => match[1]);

const LISTS: readonly [query: string, keys: string[], prefixes: string[]][] = [
  ["prefix=b", ["b/1", "b/2", "b/c/3"], []],
  ["prefix=b%2F&delimiter=%2F", ["b/1", "b/2"], ["b/c/"]],
  ["delimiter=%2F", ["a", "d e+f", "z&#x1;"], ["b/"]],
  ["start-after=b%2F1", ["b/2", "b/c/3", "d e+f", "z&#x1;"], []],
  ["encoding-type=url&prefix=d", ["d+e%2Bf"], []],
  ["encoding-type=url&prefix=z", ["z%01"], []],
  ["max-keys=0", [], []],
];

test.each(LISTS)("lists %s", async (query, keys, prefixes) => {
  const { status, text } = await list(query);
  expect(status).toBe(200);
  expect(all(text, "Key")).toEqual(keys);
  const common = /<CommonPrefixes>.*<\/CommonPrefixes>/.exec(text)?.[0] ?? "";
  expect(all(common, "Prefix")).toEqual(prefixes);
  expect(all(text, "KeyCount")).toEqual([String(keys.length + prefixes.length)]);
  expect(all(text, "IsTruncated")).toEqual(["false"]);
});

test.each([1, 2, 5])("lists everything once in pages of %i, common prefixes too", async (size) => {
  const found: (string | undefined)[] = [];
  let token = "";
  do {
    const { text } = await list(`delimiter=%2F&max-keys=${size}${token}`);
    const common = /<CommonPrefixes>.*<\/CommonPrefixes>/.exec(text)?.[0] ?? "";
    found.push(...all(text, "Key"), ...all(common, "Prefix"));
    const next = all(text, "NextContinuationToken")[0];
    token = next === undefined ? "" : `&continuation-token=${next}`;
  } while (token !== "");
  expect(found.sort()).toEqual(["a", "b/", "d e+f", "z&#x1;"]);
});

test.each([
  "max-keys=-1",
  "max-keys=x",
  "continuation-token=x",
  "encoding-type=base64",
])("refuses a list with %s", async (query) => {
  expect(await list(query)).toMatchObject({ status: 400, code: "InvalidArgument" });
});

function deletion(body: string, headers?: Record<string, string>) {
  const md5 = createHash("md5").update(body).digest("base64");
  const wish = { method: "POST", path: "/bucket", query: "delete=", body };
  return ask(server, { ...wish, headers: headers ?? { "content-md5": md5 } });
}
const batch = (...keys: string[]) =>
  `<Delete>${keys.map((key) => `<Object><Key>${key}</Key></Object>`).join("")}</Delete>`;

test("deletes in batches, and reports what it deleted unless it shall be quiet", async () => {
  const reported = await deletion(batch("a", "none"));
  expect(all(reported.text, "Key")).toEqual(["a", "none"]);
  const quiet = await deletion(batch("b/1").replace("</Delete>", "<Quiet>true</Quiet></Delete>"));
  expect(all(quiet.text, "Key")).toEqual([]);
  expect(server.objects("bucket").map(({ key }) => key)).not.toEqual(
    expect.arrayContaining(["a", "b/1"]),
  );
});

test("reports key by key what may not be deleted", async () => {
  server.access.deny("s3:DeleteObject", "b/c/*");
  const { text } = await deletion(batch("b/2", "b/c/3"));
  expect(text).toContain("<Deleted><Key>b/2</Key></Deleted>");
  expect(text).toContain("<Error><Key>b/c/3</Key><Code>AccessDenied</Code>");
  expect(server.objects("bucket").map(({ key }) => key)).toContain("b/c/3");
  server.access.allowAll();
});

test.each([
  ["no key", batch(), "MalformedXML"],
  ["more keys than it takes", batch("1", "2", "3", "4"), "MalformedXML"],
  ["half a document", batch("1").slice(0, -4), "MalformedXML"],
  ["crossed tags", "<Delete><Object><Key>1</Object></Key></Delete>", "MalformedXML"],
  ["an unknown entity", batch("&a;"), "MalformedXML"],
  ["nothing", "", "MalformedXML"],
])("refuses a batch of %s", async (_, body, code) => {
  expect(await deletion(body)).toMatchObject({ status: 400, code });
});

test("refuses a batch without a checksum of it", async () => {
  expect(await deletion(batch("a"), {})).toMatchObject({ status: 400, code: "InvalidRequest" });
});
