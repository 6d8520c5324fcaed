import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import {
  createStowage,
  parseTenantId,
  SCOPES,
  SILENT,
  type StowageOptions,
} from "../../src/node.ts";
import { docx, p } from "../fixtures/docx.ts";
import { ServerProcess } from "../support/server-process.ts";
import { fastFolder } from "../support/temp-folder.ts";

export const PDF = readFileSync("examples/demo/resume.pdf");
/** What is to be found in `PDF`. */
export const MARTA = {
  name: "Marta Lindqvist",
  emails: ["marta.lindqvist@example.com"],
  phones: ["+46315550142"],
  links: [],
};

export const DOCX = docx(
  [
    p("Lebenslauf", "Title"),
    p("Łukasz Groß-Żółć"),
    p("Mobil: +49 (0)171 1234567\tlukasz@example.de"),
    p("https://github.com/lukasz"),
  ].join(""),
);
/** What is to be found in `DOCX`. */
export const LUKASZ = {
  name: "Łukasz Groß-Żółć",
  emails: ["lukasz@example.de"],
  phones: ["+491711234567"],
  links: ["https://github.com/lukasz"],
};

/** A request as the owner of an API key makes it, for a path below `/upload`. */
export type Fetch = (path: string, init?: RequestInit) => Promise<Response>;

interface Result {
  readonly status: string;
  readonly processors: readonly { name: string; status: string; output: unknown; error: unknown }[];
}

/** Upload and process. */
export async function upload(fetch: Fetch, filename: string, bytes: Uint8Array): Promise<Result> {
  const body = bytes as Uint8Array<ArrayBuffer>;
  const answer = await fetch(`/${filename}?auto_process=true`, { method: "PUT", body });
  expect(answer.status, await answer.clone().text()).toBe(201);
  const { id } = (await answer.json()) as { id: string };
  return await resultOf(fetch, id);
}

export async function resultOf(fetch: Fetch, id: string): Promise<Result> {
  // They end when the upload is at rest.
  await (await fetch(`/${id}/events`)).text();
  return (await (await fetch(`/${id}/result`)).json()) as Result;
}

export function outputOf({ processors }: Result, name = "resume"): unknown {
  return processors.find((processor) => processor.name === name)?.output;
}

/** `stowage serve` in `folder`, as people run it. */
export async function serve(
  env: Readonly<Record<string, string>>,
  folder = fastFolder(),
): Promise<Fetch> {
  const server = await ServerProcess.start(
    {
      HOME: folder,
      FILE_STORAGE_TYPE: "memory",
      ...env,
      DATABASE_URL: `sqlite:${join(folder, "stowage.db")}`,
    },
    ["env", "-C", folder],
  );
  const key = readFileSync(join(folder, "first-api-key"), "utf8").trim();
  return async (path, init) =>
    await fetch(`${server.url}/api/v1/upload${path}`, {
      ...init,
      headers: { ...init?.headers, authorization: `Bearer ${key}` },
    });
}

/** Stowage in this process, working in the background. */
export async function openStowage(options: StowageOptions): Promise<Fetch> {
  const tenant = parseTenantId("acme");
  const stowage = await createStowage({
    env: {
      FILE_STORAGE_TYPE: "memory",
      DATABASE_URL: `sqlite:${join(fastFolder(), "stowage.db")}`,
    },
    logger: SILENT,
    authenticate: async () => ({ kind: "tenant", tenant, subject: "a", scopes: new Set(SCOPES) }),
    ...options,
  });
  onTestFinished(() => stowage.close());
  stowage.start();
  return async (path, init) =>
    await stowage.fetch(new Request(`http://localhost/api/v1/upload${path}`, init));
}
