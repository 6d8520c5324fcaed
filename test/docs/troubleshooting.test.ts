import { expect, test } from "vitest";
import { EXPLANATIONS, explanationTable } from "./explanations.ts";

const PAGE = `# Troubleshooting

If a storage fails, run \`npx stowage doctor\`. It tries everything that the service needs, and says what to do. The same
advice is in the log as \`error.advice\`, and in \`GET /api/v1/storage/health\` as \`advice\`. This page lists it, by what
the error says.

Drivers of third parties [bring their own advice](drivers.md). The errors that callers get are in [errors.md](errors.md).

This page is generated from the drivers: run \`vitest run test/docs/troubleshooting.test.ts --update\`.

## A local folder

${explanationTable(EXPLANATIONS.folder)}
## S3

If access is denied, the advice names the permission and the resource. [s3.md](s3.md) has a policy that is enough.

${explanationTable(EXPLANATIONS.s3)}
## unstorage

${explanationTable(EXPLANATIONS.unstorage)}`;

test("docs/troubleshooting.md has the advice of every driver", async () => {
  await expect(PAGE).toMatchFileSnapshot("../../docs/troubleshooting.md");
});

test("advice is a sentence without its period, and says each thing once", () => {
  for (const explanations of Object.values(EXPLANATIONS)) {
    const reasons = explanations.map(({ reason }) => reason);
    expect(new Set(reasons).size).toBe(reasons.length);
    for (const { advice } of explanations) expect(advice).toMatch(/^[A-Za-z].*[^.\s]$/);
  }
});
