import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { findBrowser } from "../support/can-run.ts";
import { ServerProcess } from "../support/server-process.ts";
import { fastFolder } from "../support/temp-folder.ts";

const run = promisify(execFile);
const browser = findBrowser();

/** What a real browser does with a page: whom it asks, and what it complains of. */
async function visit(url: string) {
  const folder = fastFolder();
  const netLog = join(folder, "net.json");
  const { stdout, stderr } = await run(
    browser ?? "",
    [
      ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"],
      ...["--no-first-run", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"],
      ...[`--user-data-dir=${folder}`, "--enable-logging=stderr"],
      ...[`--log-net-log=${netLog}`, "--virtual-time-budget=2000", "--dump-dom", url],
    ],
    { maxBuffer: 2 ** 26, timeout: 60_000 },
  );
  // An event a line. Browsers ask on their own account, too, which has no origin.
  const asked = readFileSync(netLog, "utf8")
    .split("\n")
    .filter((line) => /"initiator":"https?:/.test(line))
    .map((line) => /"url":"([^"]+)"/.exec(line)?.[1])
    .filter((one) => one !== undefined && !one.endsWith("/favicon.ico"));
  const console = stderr.split("\n").filter((line) => line.includes("CONSOLE"));
  return { dom: stdout, asked, console };
}

test.skipIf(browser === null)(
  "a browser shows GET /docs without asking for anything else, and finds nothing against the policy",
  async () => {
    const folder = fastFolder();
    const server = await ServerProcess.start({
      FILE_STORAGE_PATH: join(folder, "uploads"),
      DATABASE_URL: `sqlite:${join(folder, "stowage.db")}`,
    });
    const { dom, asked, console } = await visit(`${server.url}/docs`);
    expect(dom).toContain("Upload a file in a form");
    expect(asked).toEqual([]);
    expect(console).toEqual([]);
  },
);

test.skipIf(browser === null)("a browser reports a page that does otherwise", async () => {
  const other = createServer((_, response) => {
    response.setHeader("Content-Type", "text/html");
    response.setHeader("Content-Security-Policy", "default-src 'none'; img-src *");
    response.end('<img src="/picture"><script>1</script><p>Upload a file');
  });
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void other.close());
  const { port } = other.address() as AddressInfo;
  const { asked, console } = await visit(`http://127.0.0.1:${port}/docs`);
  expect(asked).toContain(`http://127.0.0.1:${port}/picture`);
  expect(console.join()).toContain("Content Security Policy");
});
