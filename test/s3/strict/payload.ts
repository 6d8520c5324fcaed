import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { Action } from "./call.ts";
import { S3Error } from "./errors.ts";

const digest = (algorithm: string) => (body: Uint8Array) =>
  createHash(algorithm).update(body).digest("base64");

const CHECKSUMS: Readonly<Record<string, (body: Uint8Array) => string>> = {
  "x-amz-checksum-sha256": digest("sha256"),
  "x-amz-checksum-sha1": digest("sha1"),
  "x-amz-checksum-crc32": (body) => {
    const sum = Buffer.alloc(4);
    sum.writeUInt32BE(crc32(body));
    return sum.toString("base64");
  },
};

/** Checksum headers of a request; those that are not computed here are refused. */
function checksumHeaders(headers: ReadonlyMap<string, string>): [string, string][] {
  return [...headers].filter(([name]) => /^x-amz-checksum-(?!algorithm$|type$|mode$)/.test(name));
}

/** What can be refused before a byte of the body is read. @throws {S3Error} */
export function checkPayloadHead(
  action: Action,
  headers: ReadonlyMap<string, string>,
  signed: { readonly payloadHash: string; readonly presigned: boolean },
  rules: { readonly maxPutBytes: number; readonly allowUnsignedPayload: boolean },
): void {
  const { payloadHash, presigned } = signed;
  if (payloadHash === "UNSIGNED-PAYLOAD") {
    if (!presigned && !rules.allowUnsignedPayload) {
      throw new S3Error("InvalidRequest", "UNSIGNED-PAYLOAD is not accepted over plain HTTP");
    }
  } else if (payloadHash.startsWith("STREAMING-")) {
    throw new S3Error("NotImplemented", `${payloadHash} is not implemented here`);
  } else if (!/^[0-9a-f]{64}$/.test(payloadHash)) {
    throw new S3Error("InvalidArgument", "x-amz-content-sha256 must be UNSIGNED-PAYLOAD or a hash");
  }
  const length = headers.get("content-length");
  const needsLength = action === "PutObject" || action === "UploadPart";
  if ((needsLength && length === undefined) || headers.has("transfer-encoding")) {
    throw new S3Error("MissingContentLength", "You must provide the Content-Length HTTP header");
  }
  if (Number(length ?? 0) > rules.maxPutBytes) {
    throw new S3Error("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size");
  }
  const md5 = headers.get("content-md5");
  if (md5 !== undefined && !/^[A-Za-z0-9+/]{22}==$/.test(md5)) {
    throw new S3Error("InvalidDigest", "The Content-MD5 you specified is not valid");
  }
  const sums = checksumHeaders(headers);
  const unknown = sums.find(([name]) => !(name in CHECKSUMS));
  if (unknown) throw new S3Error("NotImplemented", `${unknown[0]} is not implemented here`);
  if (action === "DeleteObjects" && md5 === undefined && sums.length === 0) {
    throw new S3Error("InvalidRequest", "Missing required header: Content-MD5 or a checksum");
  }
}

/** Compare a body with everything its sender promised about it. @throws {S3Error} */
export function checkPayload(
  body: Uint8Array,
  headers: ReadonlyMap<string, string>,
  payloadHash: string,
): void {
  if (payloadHash !== "UNSIGNED-PAYLOAD") {
    const computed = createHash("sha256").update(body).digest("hex");
    if (computed !== payloadHash) {
      throw new S3Error(
        "XAmzContentSHA256Mismatch",
        "The provided 'x-amz-content-sha256' header does not match what was computed",
        { ClientComputedContentSHA256: payloadHash, S3ComputedContentSHA256: computed },
      );
    }
  }
  const md5 = headers.get("content-md5");
  if (md5 !== undefined && digest("md5")(body) !== md5) {
    throw new S3Error("BadDigest", "The Content-MD5 you specified did not match what we received");
  }
  for (const [name, value] of checksumHeaders(headers)) {
    if (CHECKSUMS[name]?.(body) !== value) {
      throw new S3Error("BadDigest", `The ${name} you specified did not match what we received`);
    }
  }
}
