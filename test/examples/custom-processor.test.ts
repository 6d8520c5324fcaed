import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import resume from "../../examples/custom-processor/resume.ts";
import { DOCX, LUKASZ, MARTA, openStowage, outputOf, PDF, resultOf, upload } from "./resumes.ts";

const run = promisify(execFile);
const EXAMPLE = "examples/custom-processor";

test("its own test passes under node --test, and its sources are short", async () => {
  const { stdout } = await run("npm", ["test"], { cwd: EXAMPLE });
  expect(stdout).toMatch(/^(?:#|ℹ) pass 2\d$/m);
  expect(stdout).toMatch(/^(?:#|ℹ) fail 0$/m);
  expect(readFileSync(join(EXAMPLE, "contacts.ts"), "utf8").split("\n").length).toBeLessThan(130);
});

test("given to createStowage() as a module, it reads what is uploaded", async () => {
  const fetch = await openStowage({ processors: [pathToFileURL(join(EXAMPLE, "resume.ts"))] });
  expect(outputOf(await upload(fetch, "b.docx", DOCX))).toEqual(LUKASZ);
});

test("given to createStowage() itself, it runs in this process, alone if asked for by name", async () => {
  const fetch = await openStowage({ processors: [resume] });
  const answer = await fetch("/a.pdf", { method: "PUT", body: PDF });
  const { id } = (await answer.json()) as { id: string };
  const again = (name: string) =>
    fetch(`/${id}/reprocess`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ processors: [name] }),
    });
  expect((await again("resume")).status).toBe(202);
  const { processors } = await resultOf(fetch, id);
  expect(processors).toMatchObject([{ name: "resume", status: "processed", output: MARTA }]);
  expect((await again("ocr")).status).toBe(422);
});
