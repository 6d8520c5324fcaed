import { execFile, execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createNodeFetch } from "../../src/runtime/fetch/node-fetch.ts";
import { hasPrograms } from "../support/can-run.ts";
import { tempFolder } from "../support/temp-folder.ts";

const hasOpenssl = hasPrograms(["openssl"], "apt-get install openssl");

/** A server whose certificate no one has signed but itself. */
async function serveTls(): Promise<{ url: string; certificate: string }> {
  const folder = tempFolder();
  const [key, certificate] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
  execFileSync(
    "openssl",
    [
      ...["req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
      ...["-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost"],
      ...["-addext", "subjectAltName=IP:127.0.0.1"],
    ],
    { stdio: "ignore" },
  );
  const server = createServer(
    { key: readFileSync(key), cert: readFileSync(certificate) },
    (_incoming, outgoing) => void outgoing.end("secret"),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/`, certificate };
}

test.skipIf(!hasOpenssl)("fetch() trusts no certificate that no one vouches for", async () => {
  const { url } = await serveTls();
  const { fetch, close } = createNodeFetch({ env: {} });
  onTestFinished(close);
  await expect(fetch(url)).rejects.toMatchObject({
    cause: { code: "DEPTH_ZERO_SELF_SIGNED_CERT" },
  });
});

test.skipIf(!hasOpenssl)(
  "fetch() trusts what NODE_EXTRA_CA_CERTS names, and close() lets the process end",
  async () => {
    const { url, certificate } = await serveTls();
    const module = new URL("../../src/runtime/fetch/node-fetch.ts", import.meta.url);
    const program = `
    const { createNodeFetch } = await import(${JSON.stringify(module)});
    const { fetch, close } = createNodeFetch({ env: {} });
    const first = await fetch(${JSON.stringify(url)});
    process.stdout.write(await first.text());
    await fetch(${JSON.stringify(url)});
    await close();`;
    const output = await new Promise<string>((resolve, reject) => {
      const env = { ...process.env, NODE_EXTRA_CA_CERTS: certificate };
      const args = ["--input-type=module", "--eval", program];
      execFile(process.execPath, args, { env, timeout: 10_000 }, (error, stdout) =>
        error === null ? resolve(stdout) : reject(error),
      );
    });
    expect(output).toBe("secret");
  },
);
