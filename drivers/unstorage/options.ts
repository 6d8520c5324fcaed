import { z } from "zod";
import type { UnstorageDriver } from "./unstorage-driver.ts";

/** unstorage hands over values as a whole, so each put and get holds one in memory, in base64 for some drivers. */
const MAX_BYTES = 16 * 2 ** 20;
const TIMEOUT_MS = 30_000;
/** setTimeout's own limit. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

const DOTS = "expected no dot segments in the prefix";
const FORM =
  "expected the name of a driver of unstorage, like unstorage:redis?url=redis://localhost";

/** How a storage lies in its backend, and what it may cost. */
export interface Bounds {
  /** Segments joined by slashes, below which everything lies. */
  readonly prefix: string;
  readonly maxBytes: number;
  readonly timeoutMs: number;
}

/** With them a driver at hand, or the name and options of one to load. */
export interface UnstorageOptions extends Bounds {
  readonly source:
    | { readonly kind: "driver"; readonly driver: UnstorageDriver }
    | {
        readonly kind: "built-in";
        readonly name: string;
        readonly options: Record<string, unknown>;
      };
}

const common = {
  max_bytes: z.coerce
    .number()
    .int()
    .min(1)
    .max(2 ** 30)
    .default(MAX_BYTES),
  timeout_ms: z.coerce.number().int().min(1).max(LONGEST_TIMEOUT_MS).default(TIMEOUT_MS),
};

/** `kv:prefix?max_bytes=…`, where the driver is given. */
export const boundOptions: z.ZodType<Bounds> = z
  .strictObject({ path: z.string().refine(isPrefix, DOTS).default(""), ...common })
  .transform(({ path, max_bytes, timeout_ms }) => ({
    prefix: path,
    maxBytes: max_bytes,
    timeoutMs: timeout_ms,
  }));

const inCode = z
  .strictObject({
    driver: z.custom<UnstorageDriver>(
      isDriver,
      "expected a driver made by unstorage's defineDriver",
    ),
    prefix: z.string().refine(isPrefix, DOTS).default(""),
    ...common,
  })
  .transform(
    ({ driver, prefix, max_bytes, timeout_ms }): UnstorageOptions => ({
      source: { kind: "driver", driver },
      prefix,
      maxBytes: max_bytes,
      timeoutMs: timeout_ms,
    }),
  );

/** `unstorage:redis/prefix?url=…`: what is not ours in the query is the driver's. */
const inUri = z
  .looseObject({
    authority: z.undefined(FORM).optional(),
    path: z
      .string(FORM)
      .regex(/^[A-Za-z][A-Za-z0-9-]*(?:\/|$)/, FORM)
      .refine(isPrefix, DOTS),
    ...common,
  })
  .transform(({ authority: _none, path, max_bytes, timeout_ms, ...query }): UnstorageOptions => {
    const [name = "", ...segments] = path.split("/");
    const options = Object.fromEntries(
      Object.entries(query).map(([option, value]) => [option, typed(option, value)]),
    );
    return {
      source: { kind: "built-in", name, options },
      prefix: segments.join("/"),
      maxBytes: max_bytes,
      timeoutMs: timeout_ms,
    };
  });

/** One of the two forms. Only the problems of the form that was given are reported. */
export const unstorageOptions: z.ZodType<UnstorageOptions> = z
  .unknown()
  .transform((given, context) => {
    const isCode =
      typeof given === "object" && given !== null && !("path" in given) && "driver" in given;
    const parsed = (isCode ? inCode : inUri).safeParse(given);
    if (parsed.success) return parsed.data;
    for (const issue of parsed.error.issues) context.addIssue({ ...issue, code: "custom" });
    return z.NEVER;
  });

function isDriver(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return ["getItem", "getKeys"].every((verb) => typeof Reflect.get(value, verb) === "function");
}

function isPrefix(path: string): boolean {
  return !path.split("/").some((segment) => segment === "." || segment === "..");
}

/** A query knows text only, drivers expect numbers and switches. What may be a secret or a name stays as it is. */
function typed(option: string, value: unknown): unknown {
  if (/secret|token|pass|key|user|url|base|string$/i.test(option)) return value;
  if (value === "true" || value === "false") return value === "true";
  return typeof value === "string" && /^(?:0|[1-9]\d{0,14})$/.test(value) ? Number(value) : value;
}
