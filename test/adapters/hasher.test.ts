import { describe, expect, it } from "vitest";
import { hasher } from "../../src/adapters/hasher.ts";
import { toHex } from "../../src/domain/bytes.ts";

const digest = (algorithm: "sha256" | "md5", ...parts: string[]) => {
  const hash = hasher(algorithm);
  for (const part of parts) hash.update(new TextEncoder().encode(part));
  return toHex(hash.digest());
};

describe("hasher()", () => {
  it("digests nothing, and bytes in parts as in one", () => {
    // FIPS 180-2, appendix B, and RFC 1321, appendix A.5.
    expect(digest("sha256")).toBe(
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    );
    expect(digest("sha256", "a", "", "bc")).toBe(
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    );
    expect(digest("md5", "ab", "c")).toBe("900150983cd24fb0d6963f7d28e17f72");
  });
});
