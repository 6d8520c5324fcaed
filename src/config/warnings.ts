import { mask } from "./mask.ts";
import type { ConfigProblem, Env } from "./problem.ts";
import { S3_SETTINGS } from "./s3-settings.ts";
import { SETTINGS, type Values } from "./settings.ts";
import { DEFAULT_PREFIX, keyPrefix, usesS3, variablePrefixes } from "./storage.ts";
import { findTypos, type Typo } from "./typos.ts";

/** Names that other programs use, or that people guess, and the ones we read. */
const OTHER_NAMES: Readonly<Record<string, keyof typeof S3_SETTINGS>> = {
  AWS_BUCKET: "AWS_S3_BUCKET",
  AWS_BUCKET_NAME: "AWS_S3_BUCKET",
  AWS_S3_BUCKET_NAME: "AWS_S3_BUCKET",
  S3_BUCKET: "AWS_S3_BUCKET",
  S3_BUCKET_NAME: "AWS_S3_BUCKET",
  AWS_S3_REGION: "AWS_REGION",
  AWS_S3_ENDPOINT: "AWS_ENDPOINT_URL_S3",
  AWS_S3_ENDPOINT_URL: "AWS_ENDPOINT_URL_S3",
  S3_ENDPOINT: "AWS_ENDPOINT_URL_S3",
  AWS_ACCESS_KEY: "AWS_ACCESS_KEY_ID",
  AWS_SECRET_KEY: "AWS_SECRET_ACCESS_KEY",
  AWS_SECURITY_TOKEN: "AWS_SESSION_TOKEN",
};

/** A folder path, as for the type local: `./storage`, `/data`, `C:\data`. */
const FOLDER = /^(?:\.{0,2}[/\\]|[A-Za-z]:[/\\])/;

/** Warnings about settings that are valid but probably mistakes. */
export function warningsOf(env: Env, values: Values, production: boolean): readonly string[] {
  const warnings = [
    ...misnamed(env, values).map(inWords),
    ...storageWarnings(env, values),
    ...tokenWarnings(values),
  ];
  if (!production && /^prod/i.test(values.NODE_ENV ?? "")) {
    warnings.push("NODE_ENV is not production: stricter defaults apply only to exactly that word");
  }
  return warnings;
}

/** Add to a missing variable what may be set instead: a start that fails shows no warnings. */
export function withHint(problem: ConfigProblem, env: Env, values: Values): ConfigProblem {
  if (env[problem.variable]?.trim()) return problem;
  const instead = misnamed(env, values).filter(({ meant }) => meant === problem.variable);
  const hints = instead.map((typo) => ` (${inWords(typo)})`);
  return { ...problem, expected: problem.expected + hints.join("") };
}

function inWords({ name, meant }: Typo): string {
  return `${name} is set but not used: did you mean ${meant}?`;
}

function misnamed(env: Env, values: Values): readonly Typo[] {
  const typos = findTypos(env, knownNames(values));
  if (!usesS3(values)) return typos;
  const others = Object.entries(OTHER_NAMES).map(([name, meant]) => ({ name, meant }));
  return [
    ...typos,
    ...others.filter(({ name, meant }) => env[name]?.trim() && !env[meant]?.trim()),
  ];
}

/** Including those of `?env=ARCHIVE`. */
function knownNames(values: Values): readonly string[] {
  const prefixed = variablePrefixes(values).flatMap((prefix) =>
    Object.keys(S3_SETTINGS).map((name) => `${prefix}_${name}`),
  );
  return [...Object.keys(SETTINGS), ...prefixed];
}

function storageWarnings(env: Env, values: Values): readonly string[] {
  const warnings: string[] = [];
  const type = values.FILE_STORAGE_TYPE;
  const path = values.FILE_STORAGE_PATH;
  if (type === "local" && env["AWS_S3_BUCKET"]?.trim() && !usesS3(values)) {
    warnings.push(
      "AWS_S3_BUCKET is set but files are stored locally: did you mean FILE_STORAGE_TYPE=s3?",
    );
  }
  if (type !== "local" && type !== "memory" && path !== null && FOLDER.test(path)) {
    warnings.push(
      `FILE_STORAGE_PATH is ${mask(path, false)}, which looks like a folder: keys will begin with ${mask(keyPrefix(path), false)} (unset it for "${DEFAULT_PREFIX}")`,
    );
  }
  if (!usesS3(values)) return warnings;
  if (values.AWS_ACCESS_KEY_ID === null && values.AWS_SESSION_TOKEN !== null) {
    warnings.push("AWS_SESSION_TOKEN has no effect without AWS_ACCESS_KEY_ID");
  }
  if (values.AWS_ACCESS_KEY_ID !== null && values.AWS_PROFILE !== null) {
    warnings.push("AWS_PROFILE has no effect with AWS_ACCESS_KEY_ID");
  }
  return warnings;
}

function tokenWarnings(values: Values): readonly string[] {
  if (values.AUTH_JWT_SECRET !== null || values.AUTH_JWKS_URL !== null) return [];
  return (["AUTH_JWT_ISSUER", "AUTH_JWT_AUDIENCE", "AUTH_OPERATOR_CLAIM"] as const)
    .filter((name) => values[name] !== null)
    .map((name) => `${name} has no effect without AUTH_JWT_SECRET or AUTH_JWKS_URL`);
}
