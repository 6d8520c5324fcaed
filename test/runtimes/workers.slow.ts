import { createHash, randomBytes } from "node:crypto";
import { expect, onTestFinished, test } from "vitest";
import { startStrictS3 } from "../s3/strict-server.ts";
import { callerOf, startWorker } from "./worker.ts";

const SECRET = randomBytes(48).toString("base64");

test("the app runs on workerd over D1: upload, read, list, delete", async () => {
  const worker = await startWorker({ AUTH_JWT_SECRET: SECRET });
  const base = `${await worker.ready}api/v1`;
  const call = await callerOf(worker, SECRET);

  expect((await fetch(`${base}/upload`)).status).toBe(401);
  expect(await (await fetch(`${base}/health/ready`)).json()).toMatchObject({ status: "ready" });
  const page = await fetch(`${base}/docs`);
  expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(await page.text()).toContain("Upload a file in a form");
  const form = new FormData();
  form.append("file", new File(["hello from workerd"], "hello.txt", { type: "text/plain" }));
  const created = await call("POST", "/upload", { body: form });
  expect(created.status).toBe(201);
  const { id } = (await created.json()) as { id: string };
  expect(await (await call("GET", `/upload/${id}/file`)).text()).toBe("hello from workerd");
  expect(await (await call("GET", "/upload")).json()).toMatchObject({ items: [{ id }] });
  expect((await call("DELETE", `/upload/${id}`)).status).toBe(204);
  expect((await call("GET", `/upload/${id}`)).status).toBe(404);
});

test("the app on workerd keeps files in S3, large ones in parts, by keys from its secrets", async () => {
  const s3 = await startStrictS3();
  onTestFinished(() => s3.stop());
  const bucket = await s3.makeBucket();
  const worker = await startWorker({
    AUTH_JWT_SECRET: SECRET,
    FILE_STORAGE_TYPE: "s3",
    AWS_S3_BUCKET: bucket,
    AWS_REGION: s3.region,
    AWS_ENDPOINT_URL_S3: s3.endpoint,
    AWS_ACCESS_KEY_ID: s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
  });
  const call = await callerOf(worker, SECRET);
  const bytes = randomBytes(20 * 2 ** 20);
  const created = await call("PUT", "/upload/large.bin", { body: bytes });
  expect(created.status).toBe(201);
  const { id } = (await created.json()) as { id: string };
  expect(s3.requests.filter(({ action }) => action === "UploadPart").length).toBeGreaterThan(1);
  const answer = await call("GET", `/upload/${id}/file`);
  const read = createHash("sha256").update(Buffer.from(await answer.arrayBuffer()));
  expect(read.digest("hex")).toBe(createHash("sha256").update(bytes).digest("hex"));
  expect((await call("DELETE", `/upload/${id}`)).status).toBe(204);
  expect(s3.objects(bucket).map(({ key }) => key)).toEqual(["uploads/.stowage/storage.json"]);
  expect(s3.uploadsInProgress(bucket)).toEqual([]);
});

test("the app on workerd reports to a follower what others do, until the upload is settled", async () => {
  const worker = await startWorker({ AUTH_JWT_SECRET: SECRET });
  const call = await callerOf(worker, SECRET);
  const created = await call("PUT", "/upload/a.txt", { body: "hello" });
  const { id } = (await created.json()) as { id: string };
  // What the Worker that processes would do: it shares nothing with this one but the database.
  const database = await worker.getD1Database("DB");
  const become = async (status: string) => {
    await database.batch([
      database.prepare("UPDATE uploads SET status = ?, revision = revision + 1").bind(status),
      database
        .prepare(
          "INSERT INTO events (upload_id, tenant, type, revision, at) SELECT id, tenant, ?, revision, 0 FROM uploads",
        )
        .bind(`upload.${status}`),
    ]);
  };
  await become("processing");
  const answers = await Promise.all([1, 2, 3].map(() => call("GET", `/upload/${id}/events`)));
  const bodies = answers.map((answer) => answer.text());
  await become("processed");
  for (const body of await Promise.all(bodies)) {
    expect([...body.matchAll(/^event: (.*)$/gm)].map(([, event]) => event)).toEqual([
      "stored",
      "processing",
      "processed",
    ]);
  }
  expect((await call("GET", `/upload/${id}/events?last_event_id=4`)).status).toBe(204);
});

test("the app on workerd limits addresses as Cloudflare reports them, and lets pages call", async () => {
  const page = "https://app.example";
  const worker = await startWorker({
    AUTH_JWT_SECRET: SECRET,
    RATE_LIMIT_PER_ADDRESS: "2",
    CORS_ORIGINS: page,
  });
  const url = `${await worker.ready}api/v1/upload`;
  const from = (address: string) =>
    fetch(url, { headers: { "CF-Connecting-IP": address, Origin: page } });
  for (const address of ["192.0.2.1", "192.0.2.2"]) {
    const answers = [await from(address), await from(address), await from(address)];
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 429]);
    expect(answers[2]?.headers.get("Access-Control-Allow-Origin")).toBe(page);
    expect(Number(answers[2]?.headers.get("Retry-After"))).toBeGreaterThan(0);
  }
});

test("the Worker answers nothing without credentials to check callers by", async () => {
  const worker = await startWorker({});
  const answer = await fetch(`${await worker.ready}api/v1/health/live`);
  expect(answer.status).toBe(500);
  // What miniflare shows of an error that a Worker throws.
  expect(await answer.text()).toContain("there is no API key");
});
