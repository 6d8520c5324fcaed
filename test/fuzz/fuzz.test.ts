import { expect, test } from "vitest";
import { ENDPOINTS } from "../../src/http/router.ts";
import { framingOf } from "./exchange.ts";
import { fuzz } from "./fuzz.ts";
import { makeCase } from "./fuzz-case.ts";
import { Chance } from "./random.ts";
import { seedsOf } from "./seeds.ts";
import { shrink } from "./shrink.ts";
import { judge } from "./verdict.ts";

test("300 spoilt requests, some at once, do a server no harm", { timeout: 60_000 }, async () => {
  const report = await fuzz({ seed: 20_261_124, requests: 300, connections: 8 });
  expect(report.findings).toEqual([]);
  expect(report.requests).toBe(300);
  // Every route, and HEAD beside every GET.
  const gets = ENDPOINTS.filter(({ route }) => route.method === "get").length;
  expect(report.seeds).toBe(ENDPOINTS.length + gets);
  // Some have to come through: what is refused at the door tries nothing behind it.
  expect(report.statuses.get(200)).toBeGreaterThan(30);
  expect(report.statuses.get(201)).toBeGreaterThan(10);
  expect(report.statuses.get(400)).toBeGreaterThan(30);
});

const SEED = {
  name: "x",
  caller: "acme",
  draft: {
    method: "PUT",
    path: "/a",
    query: [],
    headers: [["A", "b"]],
    body: "text",
    chunks: null,
  },
  optional: [],
} as const;

test("makeCase() makes the same of the same seed, and another of another", () => {
  const texts = (seed: number) =>
    Array.from({ length: 50 }, (_, number) => makeCase([SEED], seed, number));
  expect(texts(1)).toEqual(texts(1));
  expect(texts(1)).not.toEqual(texts(2));
  expect(new Set(texts(1).map(({ text }) => text)).size).toBeGreaterThan(25);
});

const OPERATION = { operationId: "x", summary: "", tags: [], responses: {} };
const PARAMETER = { name: "id", in: "path", required: true, description: "", schema: {} };

test.each([
  ["a parameter", { ...OPERATION, security: [], parameters: [PARAMETER] }],
  ["a body", { ...OPERATION, security: [], requestBody: { content: { "application/json": {} } } }],
])("seedsOf() refuses a route whose document has no example of %s", (_, operation) => {
  const document = {
    info: { title: "", version: "", description: "" },
    servers: [],
    tags: [],
    components: { schemas: {}, parameters: {}, headers: {} },
  };
  const seeds = () => seedsOf({ ...document, paths: { "/x/{id}": { put: operation } } });
  expect(seeds).toThrow(/x has no example of/);
});

test.each([
  ["5\r\nhello\r\n0\r\n\r\n", "whole"],
  ["5\r\nhello\r\n0\r\nA: b\r\n\r\n", "whole"],
  ["5\r\nhello\r\n0\r\n", "open"],
  ["5\r\nhel", "open"],
  ["zz\r\n", "broken"],
  ["3\r\nhello\r\n0\r\n\r\n", "broken"],
  ["0\r\n\u00e9", "broken"],
])("framingOf() chunks %j is %s", (chunks, framing) => {
  expect(framingOf(`PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`)).toBe(framing);
});

test("Chance spreads evenly", () => {
  const counts = Array.from({ length: 10 }, () => 0);
  for (let seed = 0; seed < 5_000; seed += 1) {
    const at = new Chance(1, seed).below(10);
    counts[at] = (counts[at] ?? 0) + 1;
  }
  for (const count of counts) expect(Math.abs(count - 500)).toBeLessThan(120);
});

test("shrink() leaves what it takes, and nothing else", async () => {
  const noisy = `${"noise ".repeat(40)}needle${" noise".repeat(40)}`;
  expect(await shrink(noisy, async (text) => text.includes("needle"), 500)).toBe("needle");
});

const whole = (status: string, body: string, type = "application/problem+json") =>
  `HTTP/1.1 ${status}\r\nX-Request-Id: a\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const problem = (status: number, code: string) =>
  JSON.stringify({
    type: "about:blank",
    title: "X",
    status,
    detail: "Cannot",
    code,
    request_id: "a",
  });

test.each([
  ["a problem", whole("404 Not Found", problem(404, "x")), null],
  ["a failure", whole("500 Oh", problem(500, "internal")), "status 500"],
  [
    "an error that is no problem",
    whole("404 Not Found", "gone", "text/plain"),
    "an error that is no ",
  ],
  ["another status inside", whole("404 Not Found", problem(400, "x")), "its body says 400"],
  ["a stack", whole("404 Not Found", problem(404, "at x.ts:1:2")), "it reveals the insid"],
  ["somebody else's words", whole("200 OK", "kanari-their-text 1", "text/plain"), "leak"],
  ["half an answer", whole("200 OK", "hello", "text/plain").slice(0, -2), "no HTTP"],
  ["something after an answer", `${whole("200 OK", "x", "text/plain")}y`, "no HTTP"],
])("judge() minds %s as it should", (_, received, kind) => {
  const verdict = judge("GET / HTTP/1.1", { received, hung: false, left: false });
  expect(verdict?.kind ?? null).toBe(kind);
});
