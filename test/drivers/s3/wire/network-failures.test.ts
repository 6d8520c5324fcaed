import { expect, test } from "vitest";
import { networkFailure } from "../../../../drivers/s3/wire/network-failures.ts";
import type { ErrorCode } from "../../../../src/driver.ts";

const PLACE = { origin: "https://s3.example", region: "auto", hostIsFromRegion: false };

function coded(code: string, message = code): Error {
  return Object.assign(new Error(message), { code });
}

function fetchFailed(cause: unknown): Error {
  return new TypeError("fetch failed", { cause });
}

test.each<[string, Error, RegExp, "wait" | "none", ErrorCode]>([
  [
    "an unknown name",
    coded("ENOTFOUND"),
    /no such host \(ENOTFOUND\); correct AWS_ENDPOINT_URL_S3/,
    "wait",
    "storage_unavailable",
  ],
  ["DNS", coded("EAI_AGAIN"), /DNS does not respond \(EAI_AGAIN\)/, "wait", "storage_unavailable"],
  ["no route", coded("EHOSTUNREACH"), /no route/, "wait", "storage_unavailable"],
  [
    "a slow connection",
    coded("UND_ERR_CONNECT_TIMEOUT"),
    /no connection in time/,
    "wait",
    "storage_timeout",
  ],
  [
    "a slow answer",
    coded("UND_ERR_HEADERS_TIMEOUT"),
    /no response in time/,
    "wait",
    "storage_timeout",
  ],
  [
    "a certificate of its own",
    coded("DEPTH_ZERO_SELF_SIGNED_CERT"),
    /not trusted .*; set NODE_EXTRA_CA_CERTS/,
    "none",
    "storage_misconfigured",
  ],
  [
    "a certificate without a known issuer",
    coded("UNABLE_TO_VERIFY_LEAF_SIGNATURE"),
    /not trusted/,
    "none",
    "storage_misconfigured",
  ],
  ["an old certificate", coded("CERT_HAS_EXPIRED"), /has expired/, "none", "storage_unavailable"],
  [
    "another's certificate",
    coded("ERR_TLS_CERT_ALTNAME_INVALID"),
    /for another host.*AWS_S3_FORCE_PATH_STYLE=true/,
    "none",
    "storage_misconfigured",
  ],
  ["no descriptors", coded("EMFILE"), /too many open files/, "wait", "storage_unavailable"],
  [
    "a port that fetch avoids",
    new Error("bad port"),
    /blocks this port; serve S3 on another port$/,
    "none",
    "storage_misconfigured",
  ],
  [
    "Bun's refusal",
    coded("ConnectionRefused"),
    /connection refused/,
    "wait",
    "storage_unavailable",
  ],
  [
    "Deno's refusal",
    new TypeError("tcp connect error: Connection refused (os error 111)"),
    /connection refused/,
    "wait",
    "storage_unavailable",
  ],
  [
    "several tries to connect",
    new AggregateError([coded("ECONNREFUSED"), coded("ENETUNREACH")]),
    /connection refused/,
    "wait",
    "storage_unavailable",
  ],
  [
    "anything else",
    coded("UND_ERR_SOCKET"),
    /the connection broke \(UND_ERR_SOCKET\)/,
    "wait",
    "storage_unavailable",
  ],
])("networkFailure() reports %s", (_what, cause, reason, recovery, code) => {
  const failure = networkFailure(fetchFailed(cause), PLACE);
  expect(failure).toMatchObject({ code, recovery, s3Code: null, status: null });
  expect(failure.reason).toMatch(/^https:\/\/s3\.example cannot be reached: /);
  expect(`${failure.reason}; ${failure.advice}`).toMatch(reason);
});

test("networkFailure() keeps of its cause what holds no data", () => {
  const parser = Object.assign(coded("HPE_INVALID", "bytes: document"), { data: "document" });
  expect(String(networkFailure(fetchFailed(parser), PLACE).cause)).toBe(
    "Error: fetch failed with HPE_INVALID",
  );
  const system = Object.assign(coded("ECONNREFUSED", "connect ECONNREFUSED ::1:9"), {
    syscall: "connect",
  });
  expect(String(networkFailure(fetchFailed(system), PLACE).cause)).toBe(
    "Error: connect ECONNREFUSED ::1:9",
  );
});

test("networkFailure() ends with causes in a circle, and with what is no error", () => {
  const circle: Error & { cause?: unknown } = new Error("a");
  circle.cause = circle;
  for (const error of [circle, "a string", undefined, null]) {
    const { reason } = networkFailure(error, PLACE);
    expect(reason).toBe("https://s3.example cannot be reached: the connection broke");
  }
});
