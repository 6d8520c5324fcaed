import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import { stripTypeScriptTypes } from "node:module";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { findBrowser } from "../support/can-run.ts";
import { ServerProcess } from "../support/server-process.ts";
import { tempFolder } from "../support/temp-folder.ts";

const browser = findBrowser();

/** What the page below reports of each of its deeds: what came of it, or its error. */
type Report = Readonly<Record<string, { readonly value?: unknown; readonly error?: unknown }>>;

/** Runs in the browser, from another origin than the service's. */
const PAGE = `
import { createClient, StowageApiError } from "/src/client.ts";
const { url, token } = await (await fetch("/settings")).json();
const client = createClient({ baseUrl: url, token });
const report = {};
async function attempt(name, deed) {
  try {
    report[name] = { value: await deed() };
  } catch (error) {
    const { code, status, message, requestId } = error;
    report[name] = { error: { ours: error instanceof StowageApiError, code, status, message, requestId } };
  }
}
const large = new File([new Uint8Array(100_000_000)], "large ä.bin");

await attempt("progress", async () => {
  const reported = [];
  const upload = await client.upload(large, {
    metadata: { from: "a browser" },
    onProgress: (progress) => reported.push(progress),
  });
  return { upload, reported };
});
await attempt("abort", async () => {
  const stop = new AbortController();
  let reported = 0;
  await client.upload(large, {
    signal: stop.signal,
    onProgress() {
      reported += 1;
      stop.abort(new Error("changed my mind after " + reported));
    },
  });
});
await attempt("stream", async () => {
  const reported = [];
  const source = new Blob(["Hello, ", "Stowage"]).stream();
  const { id } = await client.upload(source, { filename: "a.txt", onProgress: (p) => reported.push(p) });
  const events = [];
  for await (const { status } of client.events(id)) events.push(status);
  const part = await client.download(id, { range: { start: 7, end: 11 } });
  const names = [];
  for await (const { filename } of client.list({ limit: 1 })) names.push(filename);
  return { reported, events, part: await part.text(), names };
});
await attempt("refused", () =>
  createClient({ baseUrl: url, token: "stw_wrong" }).upload(new File(["x"], "x"), { onProgress() {} }));
await attempt("nobody", () =>
  createClient({ baseUrl: "http://127.0.0.1:1", retries: 0 }).upload(new File(["x"], "x"), { onProgress() {} }));
await fetch("/report", { method: "POST", body: JSON.stringify(report) });
`;

/** Serves the page, and the client's modules as they are, without their types: nothing else of ours is there. */
async function servePage() {
  const loaded: string[] = [];
  const report = Promise.withResolvers<Report>();
  const settings = { url: "", token: "" };
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    const send = (type: string, body: string) =>
      response.writeHead(200, { "Content-Type": type }).end(body);
    if (path === "/")
      send(
        "text/html",
        `<!doctype html><meta charset="utf-8"><script type="module">${PAGE}</script>`,
      );
    else if (path === "/settings") send("application/json", JSON.stringify(settings));
    else if (path === "/report") {
      void textOf(request).then((text) => {
        response.end();
        report.resolve(JSON.parse(text) as Report);
      });
    } else if (/^\/src\/client(\/[a-z-]+)?\.ts$/.test(path)) {
      loaded.push(path);
      send("text/javascript", stripTypeScriptTypes(readFileSync(`.${path}`, "utf8")));
    } else {
      if (path !== "/favicon.ico") loaded.push(`missing: ${path}`);
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, settings, loaded, report: report.promise };
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += chunk;
  return text;
}

test.skipIf(browser === null)(
  "in a real browser, from another origin: progress, abort, streams, errors",
  async () => {
    const folder = tempFolder();
    const page = await servePage();
    const service = await ServerProcess.start({
      FILE_STORAGE_PATH: join(folder, "uploads"),
      DATABASE_URL: `sqlite:${join(folder, "stowage.db")}`,
      CORS_ORIGINS: page.url,
    });
    page.settings.url = service.url;
    page.settings.token = readFileSync(join(folder, "first-api-key"), "utf8").trim();
    const child = spawn(
      browser ?? "chromium",
      [
        ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        ...["--remote-debugging-port=0", `--user-data-dir=${join(folder, "profile")}`, page.url],
      ],
      { stdio: "ignore" },
    );
    const ended = new Promise((resolve) => child.once("exit", resolve));
    onTestFinished(async () => {
      child.kill("SIGKILL");
      await ended;
    });
    const report = await Promise.race([
      page.report,
      ended.then((code) => Promise.reject(new Error(`The browser ended with ${code}`))),
    ]);

    const progress = report["progress"]?.value as {
      upload: unknown;
      reported: { sentBytes: number; totalBytes: number }[];
    };
    expect(report["progress"]?.error).toBeUndefined();
    expect(progress.upload).toMatchObject({
      filename: "large ä.bin",
      size: 100_000_000,
      metadata: { from: "a browser" },
      sha256: "a993f8c574e0fea8c1cdcbcd9408d9e2e107ee6e4d120edcfa11decd53fa0cae",
    });
    const sent = progress.reported.map(({ sentBytes }) => sentBytes);
    expect(progress.reported.every(({ totalBytes }) => totalBytes === 100_000_000)).toBe(true);
    expect(sent).toEqual([...sent].sort((a, b) => a - b));
    expect(sent.filter((bytes) => bytes > 0 && bytes < 100_000_000).length).toBeGreaterThan(0);
    expect(sent.at(-1)).toBe(100_000_000);

    expect(report["abort"]?.error).toMatchObject({ message: "changed my mind after 1" });
    expect(report["stream"]?.value).toMatchObject({
      events: ["stored"],
      part: "Stow",
      names: ["a.txt", "large ä.bin"],
      reported: expect.arrayContaining([{ sentBytes: 14, totalBytes: 14 }]),
    });
    expect(report["refused"]?.error).toMatchObject({
      ours: true,
      code: "unauthenticated",
      status: 401,
      requestId: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    expect(report["nobody"]?.error).toMatchObject({ ours: true, code: "connection_failed" });
    // Nothing of the server, of zod or of Node came along.
    expect(page.loaded.filter((path) => !path.startsWith("/src/client"))).toEqual([]);
    expect(page.loaded.length).toBeGreaterThan(5);
  },
);
