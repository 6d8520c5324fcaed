import { z } from "zod";
import { PUBLIC_KEY_ALGORITHMS } from "../../adapters/auth/jwt.ts";
import { downloadKeySet } from "../../adapters/auth/key-set.ts";
import type { DoctorContext, Finding } from "./check.ts";

/** The fields of a key set that are checked (RFC 7517, 4 and 5; RFC 7518, 6). */
const KeySet = z.object({
  keys: z.array(
    z.object({
      kty: z.string(),
      kid: z.string().optional(),
      use: z.string().optional(),
      alg: z.string().optional(),
      crv: z.string().optional(),
      n: z.string().optional(),
      k: z.string().optional(),
    }),
  ),
});
type Key = z.infer<typeof KeySet>["keys"][number];

/** RFC 7518, 3.3. */
const MIN_RSA_BITS = 2048;

/** Algorithms of a key without `alg`, by type or curve. */
const ALGORITHMS: Readonly<Record<string, readonly string[]>> = {
  RSA: PUBLIC_KEY_ALGORITHMS.filter((name) => /^[RP]S/.test(name)),
  "P-256": ["ES256"],
  "P-384": ["ES384"],
  "P-521": ["ES512"],
  Ed25519: ["EdDSA"],
};

/** Whether the keys that verify tokens can be fetched and used. */
export async function* keySetFindings(
  url: string,
  { parts }: DoctorContext,
): AsyncIterable<Finding> {
  let text: string;
  try {
    text = await downloadKeySet(url, parts.fetch);
  } catch (error) {
    yield {
      status: "fail",
      text: "the keys of AUTH_JWKS_URL cannot be fetched: every token gets 503",
      detail: reasonOf(error),
      advice: `try it from this machine: curl -sS ${url}; then correct AUTH_JWKS_URL, DNS, firewall or HTTPS_PROXY`,
    };
    return;
  }
  const set = KeySet.safeParse(jsonOf(text));
  if (!set.success) {
    yield {
      status: "fail",
      text: "AUTH_JWKS_URL does not return a key set (RFC 7517): every token gets 503",
      advice: `set AUTH_JWKS_URL to the issuer's jwks_uri, from its /.well-known/openid-configuration; the answer looks like {"keys":[…]}`,
    };
    return;
  }
  yield* keyFindings(set.data.keys);
}

function* keyFindings(keys: readonly Key[]): Iterable<Finding> {
  const algorithms = new Set(keys.flatMap(algorithmsOf));
  if (algorithms.size === 0) {
    yield {
      status: "fail",
      text: `none of the ${keys.length} keys of AUTH_JWKS_URL can verify tokens: every token gets 401`,
      advice: `have the issuer publish a key for ${PUBLIC_KEY_ALGORITHMS.join(", ")}`,
    };
  } else {
    const text = `tokens are verified with AUTH_JWKS_URL: ${keys.length} keys, for ${[...algorithms].join(", ")}`;
    yield { status: "ok", text };
  }
  for (const key of keys) {
    const name = key.kid === undefined ? "a key" : `key ${JSON.stringify(key.kid)}`;
    if (key.k !== undefined) {
      yield {
        status: "fail",
        text: `${name} of AUTH_JWKS_URL is a shared secret, and is public: anyone can forge tokens`,
        advice: "have the issuer replace it with a key pair at once",
      };
    }
    const bits = key.kty === "RSA" ? rsaBits(key) : MIN_RSA_BITS;
    if (bits >= MIN_RSA_BITS) continue;
    yield {
      status: "warn",
      text: `${name} of AUTH_JWKS_URL has only ${bits} bits: its tokens are refused`,
      advice: `have the issuer use an RSA key of at least ${MIN_RSA_BITS} bits, or one for ES256`,
    };
  }
}

function algorithmsOf(key: Key): readonly string[] {
  if (key.use === "enc" || (key.kty === "RSA" && rsaBits(key) < MIN_RSA_BITS)) return [];
  const possible = ALGORITHMS[key.crv ?? key.kty] ?? [];
  return key.alg === undefined ? possible : possible.filter((name) => isSame(name, key.alg));
}

/** RFC 9864 names EdDSA by its curve. */
function isSame(name: string, alg: string | undefined): boolean {
  return name === alg || (name === "EdDSA" && alg === "Ed25519");
}

/** Six bits per character; a modulus has no leading zero byte. */
function rsaBits({ n = "" }: Key): number {
  return Math.floor((n.replace(/=+$/, "").length * 6) / 8) * 8;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** The cause of `fetch failed` is the useful part. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
