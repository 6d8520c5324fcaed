import { execFile } from "node:child_process";
import { cpSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { installPackage } from "../support/package-sources.ts";
import { fastFolder } from "../support/temp-folder.ts";
import { DOCX, LUKASZ, MARTA, outputOf, PDF, serve, upload } from "./resumes.ts";

test("built, installed and named in STOWAGE_PROCESSORS it reads what is uploaded", async () => {
  const app = fastFolder();
  const source = join(app, "source");
  cpSync("examples/custom-processor", source, { recursive: true });
  installPackage(source, "@types/node", "undici-types");
  await promisify(execFile)(resolve("node_modules/.bin/tsc"), [], { cwd: source });
  for (const packed of ["package.json", "dist"]) {
    const target = join(app, "node_modules", "stowage-processor-resume", packed);
    cpSync(join(source, packed), target, { recursive: true });
  }
  const fetch = await serve({ STOWAGE_PROCESSORS: "stowage-processor-resume" }, app);
  const pdf = await upload(fetch, "a.pdf", PDF);
  expect(pdf.status).toBe("processed");
  expect(outputOf(pdf)).toEqual(MARTA);
  expect(outputOf(pdf, "text")).toMatchObject({ pages: 1 });
  expect(outputOf(await upload(fetch, "b.docx", DOCX))).toEqual(LUKASZ);

  const encrypted = await upload(fetch, "c.pdf", readFileSync("test/fixtures/encrypted.pdf"));
  expect(encrypted.status).toBe("failed");
  expect(encrypted.processors.map(({ name, error }) => [name, error])).toContainEqual([
    "resume",
    expect.objectContaining({ code: "document_encrypted" }),
  ]);
});
