import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { Parser } from "htmlparser2";
import { expect, test } from "vitest";
import { docsPage } from "../../src/http/docs/page.ts";
import { EXAMPLE_ID, EXAMPLE_TEXT } from "../../src/http/openapi/example-values.ts";
import { hasPrograms } from "../support/can-run.ts";
import { ServerProcess } from "../support/server-process.ts";
import { fastFolder } from "../support/temp-folder.ts";
import { testApp } from "../support/test-app.ts";

interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  text: string;
}

function elementsOf(page: string): Element[] {
  const elements: Element[] = [];
  const open: Element[] = [];
  const parser = new Parser({
    onopentag(name, attributes) {
      const element = { name, attributes, text: "" };
      elements.push(element);
      open.push(element);
    },
    ontext(text) {
      for (const element of open) element.text += text;
    },
    onclosetag() {
      open.pop();
    },
  });
  parser.end(page);
  return elements;
}

async function pageOf(path = "/docs", env: Record<string, string> = {}) {
  const app = await testApp({ env });
  const answer = await app.send("GET", path, { headers: { Authorization: "" } });
  expect(answer.status).toBe(200);
  expect(answer.headers.get("Content-Type")).toBe("text/html; charset=utf-8");
  const page = await answer.text();
  const policy = answer.headers.get("Content-Security-Policy") ?? "";
  return { ...app, page, policy, elements: elementsOf(page) };
}

test("GET /docs shows every call, at both of its paths", async () => {
  const { page, elements, stowage } = await pageOf();
  expect((await pageOf("/api/v1/docs/")).page).toBe(page);
  const ids = elements.flatMap(({ attributes }) => attributes["id"] ?? []);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { route } of stowage.endpoints) expect(ids).toContain(route.operationId);
  const links = elements.flatMap(({ attributes }) => attributes["href"] ?? []);
  expect(links.length).toBeGreaterThan(100);
  for (const link of new Set(links)) {
    if (link !== "/openapi.json") expect(ids, link).toContain(link.slice(1));
  }
});

test("GET /docs loads nothing, from this host or any other, and its policy allows nothing", async () => {
  const { elements, policy } = await pageOf("/docs", { PUBLIC_URL: "https://files.example" });
  const names = new Set(elements.map(({ name }) => name));
  for (const name of ["script", "link", "img", "iframe", "object", "form", "base", "svg"]) {
    expect(names, name).not.toContain(name);
  }
  const attributes = new Set(elements.flatMap((element) => Object.keys(element.attributes)));
  const harmless = ["aria-label", "charset", "class", "content", "href", "id", "lang", "name"];
  expect([...attributes].sort()).toEqual(harmless);
  for (const {
    attributes: { href },
  } of elements) {
    if (href !== undefined) expect(href).toMatch(/^(#[\w-]+|\/openapi\.json)$/);
  }
  const [style, ...others] = elements.filter(({ name }) => name === "style");
  expect(others).toEqual([]);
  expect(style?.text).not.toMatch(/url\(|@import|\/\//);
  const hash = createHash("sha256")
    .update(style?.text ?? "")
    .digest("base64");
  expect(policy).toBe(
    `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  );
});

test("GET /docs under a base path links to the document there", async () => {
  const { stowage } = await testApp();
  const document = JSON.parse(
    await (await stowage.fetch(new Request("http://test/openapi.json"))).text(),
  );
  const page = await docsPage(document, "/files/openapi.json");
  expect(page).toContain('href="/files/openapi.json"');
});

test("docsPage() shows whatever a document says as text", async () => {
  const { stowage } = await testApp();
  const document = JSON.parse(
    await (await stowage.fetch(new Request("http://test/openapi.json"))).text(),
  );
  const hostile = `"><script>alert(1)</script>'&lt;`;
  const [[, item]] = Object.entries(document.paths) as [[string, Record<string, object>]];
  for (const operation of Object.values(item)) {
    Object.assign(operation, {
      summary: hostile,
      description: `\`${hostile}\``,
      operationId: hostile,
    });
  }
  const info = { ...document.info, title: hostile, version: hostile, description: hostile };
  const elements = elementsOf(await docsPage({ ...document, info }, hostile));
  expect(elements.map(({ name }) => name)).not.toContain("script");
  expect(elements.filter(({ attributes }) => attributes["id"] === hostile).length).toBeGreaterThan(
    0,
  );
  expect(elements.find(({ name }) => name === "h1")?.text).toContain(hostile);
});

test.skipIf(!hasPrograms(["curl"], "apt-get install curl"))(
  "every command for a shell on GET /docs does what it says",
  async () => {
    const folder = fastFolder();
    const server = await ServerProcess.start({
      FILE_STORAGE_PATH: join(folder, "uploads"),
      DATABASE_URL: `sqlite:${join(folder, "stowage.db")}`,
    });
    const key = readFileSync(join(folder, "first-api-key"), "utf8").trim();
    writeFileSync(join(folder, "resume.txt"), EXAMPLE_TEXT);
    const page = await (await fetch(`${server.url}/docs`)).text();
    const lines = elementsOf(page)
      .filter(({ name, text }) => name === "pre" && text.startsWith("curl "))
      .map(({ text }) => text);
    expect(lines.length).toBeGreaterThan(15);
    const headers = { Authorization: `Bearer ${key}` };
    const made = await fetch(`${server.url}/api/v1/upload/resume.txt?auto_process=true`, {
      method: "PUT",
      headers,
      body: EXAMPLE_TEXT,
    });
    const { id } = (await made.json()) as { id: string };
    const path = `${server.url}/api/v1/upload/${id}`;
    await expect
      .poll(
        async () => ((await (await fetch(path, { headers })).json()) as { status: string }).status,
        { timeout: 20_000 },
      )
      .toBe("processed");
    const run = async (line: string) => {
      const shown = line.replace("curl ", "curl -s -o answer -w '%{http_code}' ");
      const { stdout } = await promisify(execFile)("sh", ["-c", shown.replaceAll(EXAMPLE_ID, id)], {
        cwd: folder,
        env: { PATH: process.env["PATH"] ?? "", STOWAGE: server.url, TOKEN: key },
      });
      return Number(stdout);
    };
    // What deletes the upload comes last.
    lines.sort((a, b) => Number(a.includes("-X DELETE")) - Number(b.includes("-X DELETE")));
    for (const line of lines) {
      const status = await run(line);
      // The key is a tenant's.
      if (line.includes("/storage/health")) expect(status).toBe(403);
      else
        expect(status, `${line}: ${readFileSync(join(folder, "answer"), "utf8")}`).toBeLessThan(
          300,
        );
    }
  },
);
