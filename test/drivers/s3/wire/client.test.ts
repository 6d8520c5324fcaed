import { expect, test } from "vitest";
import { startAnswering } from "../answering-server.ts";
import { openClient } from "../open-client.ts";

test("send() sends what it was asked to, signed over every header of ours", async () => {
  const { endpoint, received } = await startAnswering({ headers: { etag: '"1"' } });
  const client = openClient({ endpoint });
  const answer = await client.send({
    action: "PutObject",
    method: "PUT",
    objectKey: "a b/ü.txt",
    headers: { "content-type": "text/plain", "x-amz-meta-a": "1" },
    body: new TextEncoder().encode("hello"),
  });
  expect(answer.headers.get("etag")).toBe('"1"');
  expect(answer.body).toBe(null);
  expect(received).toMatchObject([
    {
      method: "PUT",
      target: "/uploads/a%20b/%C3%BC.txt",
      headers: {
        "content-length": "5",
        "content-type": "text/plain",
        "x-amz-content-sha256": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
        authorization: expect.stringMatching(
          /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/eu-central-1\/s3\/aws4_request, SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-meta-a, Signature=[0-9a-f]{64}$/,
        ),
      },
    },
  ]);
});
