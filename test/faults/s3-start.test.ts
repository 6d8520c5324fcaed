import { afterAll, afterEach, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import memory from "../../drivers/memory.ts";
import type { StowageError } from "../../src/driver.ts";
import { fault, type StrictS3, startStrictS3 } from "../s3/strict-server.ts";
import { s3App } from "../support/s3-app.ts";
import { testApp } from "../support/test-app.ts";

let s3: StrictS3;
beforeAll(async () => {
  s3 = await startStrictS3();
});
afterEach(() => {
  s3.faults.clear();
  s3.access.allowAll();
});
afterAll(() => s3.stop());

/** What a start says that fails, which must hold no secret and leave nothing in the bucket. */
async function refusal(
  bucket: string,
  changes: Record<string, string> = {},
): Promise<StowageError> {
  const { env, host, ...parts } = s3App(s3, bucket, { maxAttempts: 1 });
  const changed = { ...env, ...changes };
  const starting = testApp({ ...parts, env: changed, host: { ...host, env: changed } as never });
  const error = await starting.then(
    () => expect.unreachable("it started"),
    (thrown: StowageError) => thrown,
  );
  expect(`${error.message} ${error.cause}`).not.toContain(changed["AWS_SECRET_ACCESS_KEY"]);
  return error;
}

test.each<[string, () => Promise<StowageError>, string, RegExp]>([
  ["a missing bucket", () => refusal("no-such-bucket"), "storage_misconfigured", /no-such-bucket/],
  [
    "a wrong secret",
    async () => refusal(await s3.makeBucket(), { AWS_SECRET_ACCESS_KEY: "another-secret" }),
    "storage_misconfigured",
    /secret/i,
  ],
  [
    "an unknown key",
    async () => refusal(await s3.makeBucket(), { AWS_ACCESS_KEY_ID: "AKIANOBODY" }),
    "storage_misconfigured",
    /AWS_ACCESS_KEY_ID|access key/i,
  ],
  [
    "an endpoint where no one listens",
    async () => {
      const gone = await startStrictS3();
      const { endpoint } = gone;
      await gone.stop();
      return await refusal(await s3.makeBucket(), { AWS_ENDPOINT_URL_S3: endpoint });
    },
    "storage_unavailable",
    /http:\/\/127\.0\.0\.1:\d+ cannot be reached/,
  ],
  [
    "a denied put",
    async () => {
      s3.access.deny("s3:PutObject");
      return await refusal(await s3.makeBucket());
    },
    "storage_access_denied",
    /PutObject/,
  ],
  [
    "an endpoint that is no S3",
    async () => {
      s3.faults.add({ action: "*", do: fault.answer(200, "", { body: "<html>hello</html>" }) });
      return await refusal(await s3.makeBucket());
    },
    "storage_unavailable",
    /Unexpected response of the S3 service/,
  ],
])("a start with %s says which storage, and what is wrong", async (_, start, code, words) => {
  const error = await start();
  expect(error.code, error.message).toBe(code);
  expect(error.message).toMatch(/^Cannot start: storage s3:\/\/\S+\/uploads\?\S+ cannot be used: /);
  expect(error.message).toMatch(words);
});

test("a start with another region finds the bucket all the same", async () => {
  const bucket = await s3.makeBucket();
  const { env, ...parts } = s3App(s3, bucket, { maxAttempts: 2 });
  const app = await testApp({ ...parts, env: { ...env, AWS_REGION: "us-west-2" } });
  expect((await app.put("hello")).id).toBeTruthy();
});

test("a start on a service that refuses conditions of writes makes the bucket a storage, once", async () => {
  const server = await startStrictS3({ refusesConditions: true });
  onTestFinished(() => server.stop());
  const bucket = await server.makeBucket();
  const first = await testApp(s3App(server, bucket));
  const { id } = first.stowage.storages.primary;
  const [written] = server.objects(bucket);
  expect(written?.key).toBe("uploads/.stowage/storage.json");
  expect(JSON.parse(new TextDecoder().decode(written?.body))).toMatchObject({ id });
  expect((await first.put("hello")).id).toBeTruthy();
  const second = await testApp(s3App(server, bucket));
  expect(second.stowage.storages.primary.id).toBe(id);
});

test("a start with a profile goes to its endpoint, not to AWS", async () => {
  const bucket = await s3.makeBucket();
  const { env, host, ...parts } = s3App(s3, bucket);
  const { FILE_STORAGE_TYPE = "", AWS_S3_BUCKET = "" } = env;
  const profile = `[minio]
aws_access_key_id = ${s3.accessKeyId}
aws_secret_access_key = ${s3.secretAccessKey}
region = ${s3.region}
endpoint_url = ${s3.endpoint}
`;
  const readTextFile = async (path: string) => (path === "/keys" ? profile : null);
  const home = { AWS_SHARED_CREDENTIALS_FILE: "/keys" };
  const app = await testApp({
    ...parts,
    env: { FILE_STORAGE_TYPE, AWS_S3_BUCKET, AWS_PROFILE: "minio" },
    host: { ...host, env: home, readTextFile } as never,
  });
  expect((await app.put("hello")).id).toBeTruthy();
  expect(s3.objects(bucket)).not.toEqual([]);
});

/** Starts a service over a memory whose older files lie in `bucket`. */
async function withFallback(bucket: string, changes: Record<string, string> = {}) {
  const { env, host, drivers = [] } = s3App(s3, bucket, { maxAttempts: 1 });
  const { FILE_STORAGE_TYPE: _s3, AWS_S3_BUCKET: _bucket, ...keys } = { ...env, ...changes };
  const fallback = { FILE_STORAGE_TYPE: "memory", FILE_STORAGE_FALLBACK: `s3://${bucket}/uploads` };
  return await testApp({
    env: { ...keys, ...fallback },
    drivers: [memory, ...drivers],
    host: { ...host, env: keys } as never,
    now: Date.now(),
  });
}

test("a start goes on without a fallback that cannot be reached, which health opens when it is back", async () => {
  const bucket = await s3.makeBucket();
  const { id } = (await testApp(s3App(s3, bucket))).stowage.storages.primary;
  s3.faults.add({ action: "*", do: fault.closeBeforeAnswer("reset") });
  const app = await withFallback(bucket);
  const readiness = async () => {
    const answer = await app.send("GET", "/health/ready");
    const { checks } = (await answer.json()) as { checks: { name: string }[] };
    return [answer.status, checks.find(({ name }) => name === "fallbacks")];
  };
  const health = async () => {
    const headers = { Authorization: "Bearer operator" };
    const answer = await app.send("GET", "/api/v1/storage/health", { headers });
    const { storages } = (await answer.json()) as { storages: object[] };
    return [answer.status, storages.length, storages[0]];
  };
  const name = "fallbacks";
  const code = { error_code: "storage_unavailable" };
  const uri = `s3://${bucket}/uploads`;
  expect(await readiness()).toEqual([200, { name, status: "degraded", ...code }]);
  const away = { id: "", uri, service: "s3_file_storage", status: "unhealthy", ...code };
  expect(await health()).toMatchObject([503, 2, away]);
  expect(app.log.map(({ event }) => event)).toContain("storage.fallback_away");
  expect((await app.put("hello")).id).toBeTruthy();

  s3.faults.clear();
  expect(await health()).toMatchObject([200, 2, { id, uri, status: "healthy" }]);
  expect(await readiness()).toEqual([200, { name, status: "healthy", error_code: null }]);
});

test("a fallback that cannot be reached comes back in the background", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const bucket = await s3.makeBucket();
  const { id } = (await testApp(s3App(s3, bucket))).stowage.storages.primary;
  s3.faults.add({ action: "*", do: fault.closeBeforeAnswer("reset") });
  const app = await withFallback(bucket);
  app.stowage.storageWatch.start();
  const before = s3.requests.length;
  vi.advanceTimersByTime(1_000);
  await vi.waitUntil(() => s3.requests.length > before);
  s3.faults.clear();
  await vi.waitUntil(() => {
    vi.advanceTimersByTime(1_000);
    return app.stowage.storages.ids.includes(id);
  });
});

test.each<[string, string | null, Record<string, string>, RegExp]>([
  ["a missing bucket", "no-such-bucket", {}, /the bucket does not exist; create it/],
  ["a wrong secret", null, { AWS_SECRET_ACCESS_KEY: "another-secret" }, /secret/],
])("a start refuses a fallback with %s", async (_what, bucket, changes, words) => {
  const starting = withFallback(bucket ?? (await s3.makeBucket()), changes);
  await expect(starting).rejects.toMatchObject({ code: "storage_misconfigured" });
  await expect(starting).rejects.toThrow(/^Cannot start: FILE_STORAGE_FALLBACK s3:/);
  await expect(starting).rejects.toThrow(words);
});

test("a start refuses a fallback that can be reached and was never a storage", async () => {
  const starting = withFallback(await s3.makeBucket());
  await expect(starting).rejects.toThrow("nothing was ever stored there");
});
