import { expect, test } from "vitest";
import { BASE_PATH } from "../../../src/http/endpoint.ts";
import { methodTable } from "../../../src/http/middleware/method-not-allowed.ts";
import { type TestApp, testApp } from "../../support/test-app.ts";
import { problemOf } from "../problem-of.ts";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW", "PROPFIND"];

/** The methods of every path of the table, at every place where it is served. */
function pathsOf({ stowage }: TestApp): [string, string[]][] {
  const places = stowage.endpoints.flatMap(({ route, alsoAtRoot }) =>
    (alsoAtRoot ? [BASE_PATH, ""] : [BASE_PATH]).map((base) => ({
      method: route.method,
      path: base + route.path,
    })),
  );
  const table = Map.groupBy(places, ({ path }) => path.replaceAll(/\{\w+\}/g, "some-name"));
  return [...table].map(([path, calls]) => {
    const methods = calls.map(({ method }) => method.toUpperCase());
    return [path, [...methods, "OPTIONS", ...(methods.includes("GET") ? ["HEAD"] : [])].sort()];
  });
}

test("every path refuses the methods that it does not have, and names those that it has", async () => {
  const app = await testApp();
  const paths = pathsOf(app);
  expect(paths.length).toBeGreaterThanOrEqual(15);
  let refused = 0;
  for (const [path, methods] of paths) {
    for (const method of METHODS.filter((one) => !methods.includes(one))) {
      // For every caller, with a slash or without: it reveals nothing about a tenant.
      for (const [place, Authorization] of [
        [path, "Bearer acme"],
        [`${path}/?x=1`, ""],
      ] as const) {
        const answer = await app.send(method, place, { headers: { Authorization } });
        expect(answer.headers.get("Allow"), `${method} ${place}`).toBe(methods.join(", "));
        if (method === "HEAD") expect([answer.status, await answer.text()]).toEqual([405, ""]);
        else expect((await problemOf(answer)).code).toBe("method_not_allowed");
        refused += 1;
      }
    }
  }
  expect(refused).toBeGreaterThan(150);
});

test("every path lists its methods for OPTIONS, and nothing for origins without CORS_ORIGINS", async () => {
  const app = await testApp();
  for (const [path, methods] of pathsOf(app)) {
    const headers = { Origin: "https://page.example", "Access-Control-Request-Method": "GET" };
    const answer = await app.send("OPTIONS", path, { headers });
    expect([answer.status, answer.headers.get("Allow")], path).toEqual([204, methods.join(", ")]);
    const reported = [...answer.headers.keys()].filter((name) =>
      name.startsWith("access-control-"),
    );
    expect(reported).toEqual([]);
  }
});

test("every path that knows GET answers HEAD with the same status and headers, and nothing else", async () => {
  const app = await testApp();
  const { id } = await app.put("words", "a.txt", "?auto_process=true");
  for (const [path, methods] of pathsOf(app)) {
    if (!methods.includes("GET")) continue;
    const place = path.replace("some-name", id);
    for (const more of [{}, { "If-None-Match": "*" }, { Authorization: "" }]) {
      const headers = { "X-Request-Id": "r-1", ...more };
      const get = await app.send("GET", place, { headers });
      await get.body?.cancel();
      const head = await app.send("HEAD", place, { headers });
      expect([head.status, [...head.headers]], place).toEqual([get.status, [...get.headers]]);
      expect(await head.text()).toBe("");
    }
  }
});

test("methodTable() takes paths that differ in the name of a parameter for one", () => {
  const table = methodTable([
    { method: "get", path: "/a/{x}" },
    { method: "put", path: "/a/{y}" },
  ]);
  expect([...table].map(([path, methods]) => [path, [...methods].sort()])).toEqual([
    ["/a/:any", ["GET", "HEAD", "OPTIONS", "PUT"]],
  ]);
});
