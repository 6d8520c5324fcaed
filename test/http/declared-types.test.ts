import { expect, test } from "vitest";
import { bytesOf } from "../support/services.ts";
import { type TestApp, testApp } from "../support/test-app.ts";
import { problemOf } from "./problem-of.ts";

const UPLOAD = "/api/v1/upload";
const PDF_OR_TEXT = { ALLOWED_CONTENT_TYPES: "application/pdf,text/plain" };
/** Neither text nor anything known. */
const NOISE = new Uint8Array(Buffer.from("9f02d8ff001706dcfec001".repeat(30), "hex"));
const PNG = new Uint8Array(
  Buffer.from(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000049444154",
    "hex",
  ),
);
const JUNK_BEFORE = bytesOf("line one%PDF-1.7\n%âãÏÓ\n");

/** As a raw body and as the file of a form. */
async function sendBothWays(app: TestApp, bytes: Uint8Array, type: string): Promise<Response[]> {
  const file = new File([new Uint8Array(bytes)], "a", { type });
  const form = new FormData();
  form.append("file", file);
  return [
    await app.send("PUT", `${UPLOAD}/a`, { body: file, headers: { "Content-Type": type } }),
    await app.send("POST", UPLOAD, { body: form }),
  ];
}

test.each([
  ["noise", NOISE, "application/pdf"],
  ["noise", NOISE, "text/plain"],
  ["noise", NOISE, "image/png"],
  ["an image", PNG, "application/pdf"],
  ["nothing", new Uint8Array(0), "application/pdf"],
])("a type list is not passed by %s (%#) that is declared to be on it", async (_, bytes, type) => {
  const app = await testApp({ env: PDF_OR_TEXT });
  for (const answer of await sendBothWays(app, bytes, type)) {
    const refused = await problemOf(answer);
    expect(refused).toMatchObject({ status: 415, code: "unsupported_media_type" });
  }
  expect(await app.kept()).toEqual({ files: 0, records: 0 });
});

test.each([
  ["text", bytesOf("hello"), "image/png", "text/plain"],
  ["text", bytesOf("hello"), "application/pdf", "text/plain"],
  ["a text in another charset", new Uint8Array([0x63, 0xe9]), "text/plain", "text/plain"],
  ["a PDF", bytesOf("%PDF-1.7\n"), "image/png", "application/pdf"],
  ["a PDF behind junk", JUNK_BEFORE, "application/pdf", "application/pdf"],
  ["an empty text", new Uint8Array(0), "text/plain", "text/plain"],
])("%s (%#) that is declared otherwise passes for what it is", async (_, bytes, type, found) => {
  const app = await testApp({ env: PDF_OR_TEXT });
  for (const answer of await sendBothWays(app, bytes, type)) {
    expect(answer.status).toBe(201);
    expect(await answer.json()).toMatchObject({ content_type: found });
  }
});

test("a file is never served in place as an image that it is not", async () => {
  const app = await testApp();
  for (const answer of await sendBothWays(app, NOISE, "image/png")) {
    const { id } = (await answer.json()) as { id: string };
    const file = await app.send("GET", `${UPLOAD}/${id}/file?inline=1`);
    expect(file.headers.get("Content-Type")).toBe("application/octet-stream");
    expect(file.headers.get("Content-Disposition")).toMatch(/^attachment/);
    await file.arrayBuffer();
  }
});
