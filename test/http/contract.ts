import { Ajv2020, type AnySchema } from "ajv/dist/2020.js";
import formats from "ajv-formats";

/** As much of an OpenAPI 3.1 document as is looked at here. */
export interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly headers: Readonly<Record<string, Header>>;
    readonly [kind: string]: Readonly<Record<string, unknown>>;
  };
}

export interface Operation {
  readonly operationId: string;
  readonly security?: readonly unknown[];
  readonly responses: Readonly<Record<string, Response>>;
}

interface Response {
  readonly headers?: Readonly<Record<string, Header | { readonly $ref: string }>>;
  readonly content?: Readonly<
    Record<
      string,
      { readonly schema?: object; readonly examples?: Readonly<Record<string, object>> }
    >
  >;
}

interface Header {
  readonly required?: boolean;
  readonly schema: { readonly type: string };
  readonly "x-any-answer"?: boolean;
}

/** An answer of the service. `body` is `null` where no one has read it. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string | null;
}

/** Headers of the connection and of proxies that encode, and those that OpenAPI describes elsewhere. */
const TRANSPORT = /^(connection|content-(encoding|length|type)|date|keep-alive|transfer-encoding)$/;

/** What may answer where no operation is: the path, the method or the caller is refused. */
const OUTSIDE = ["204", "404", "405", "429", "500", "503"];

/** What may answer anywhere: what came is broken as HTTP, or more than is read of any request. */
const BROKEN = ["400", "408", "414", "417", "431"];
const OUTSIDE_HEADERS = /^(allow|retry-after|ratelimit(-policy)?|access-control-[a-z-]+)$/;

/** What a document promises, to hold answers against. */
export class Contract {
  /** How many answers were held against it. */
  held = 0;
  readonly #document: Document;
  readonly #ajv = new Ajv2020({ strict: true, strictTypes: false, allErrors: true });

  constructor(document: Document) {
    this.#document = document;
    formats.default(this.#ajv);
    this.#ajv.addVocabulary(["example", ...Object.keys(document)]);
    this.#ajv.addSchema(closed(document) as AnySchema, "api", false, false);
  }

  /**
   * What of an answer is not promised; nothing if all is.
   *
   * Unlike the validators of clients it is strict: a property or a header that is not declared is a breach.
   */
  findBreaches(request: { readonly method: string; readonly path: string }, answer: Answer) {
    this.held += 1;
    const found = this.#find(request.method, request.path);
    const breaches =
      found === null ? this.#outside(answer) : this.#breaches(found.operation, found.at, answer);
    const name = found?.operation.operationId ?? `${request.method} nowhere`;
    return breaches.map((breach) => `${name} ${answer.status} ${breach}`);
  }

  /** @throws {Error} If the answer is not what is promised. */
  hold(request: { readonly method: string; readonly path: string }, answer: Answer): void {
    const breaches = this.findBreaches(request, answer);
    if (breaches.length > 0) throw new Error(`The document promises otherwise: ${breaches}`);
  }

  /** Whether `value` fits the schema at this JSON pointer of the document; what does not, where it does not. */
  misfits(pointer: string, value: unknown): string[] {
    const validate = this.#ajv.getSchema(`api#${encodeURI(pointer)}`);
    if (validate === undefined) return [`${pointer} is missing`];
    if (validate(value) === true) return [];
    return (validate.errors ?? []).map(
      ({ instancePath, message, params }) =>
        `${instancePath || "/"} ${message} ${JSON.stringify(params)}`,
    );
  }

  #breaches(operation: Operation, at: string, { status, headers, body }: Answer): string[] {
    const declared = operation.responses[String(status)];
    if (declared === undefined) {
      const broken = BROKEN.includes(String(status));
      return broken ? this.#outside({ status, headers, body }) : ["is not declared"];
    }
    const breaches = this.#headerBreaches(declared, headers);
    const type = headers.get("Content-Type")?.split(";", 1)[0] ?? null;
    if (type === null) return body ? [...breaches, "has a body of no type"] : breaches;
    const exact = declared.content?.[type] !== undefined;
    if (!exact && declared.content?.["*/*"] === undefined) {
      return [...breaches, `is not declared as ${type}`];
    }
    if (!exact || !body || !type.endsWith("json")) return breaches;
    const pointer = `${at}/responses/${status}/content/${escapePointer(type)}/schema`;
    const value = JSON.parse(body) as { readonly code?: string };
    const { examples } = declared.content?.[type] ?? {};
    // Each code that a problem of this operation may have is declared by an example of it.
    const broken = status === 400 && value.code === "invalid_request";
    if (examples !== undefined && !broken && !Object.hasOwn(examples, value.code ?? "")) {
      breaches.push(`does not declare the code ${value.code}`);
    }
    return [...breaches, ...this.misfits(pointer, value)];
  }

  #headerBreaches(declared: Response, headers: Headers): string[] {
    const known = new Map<string, Header>();
    for (const [name, header] of Object.entries(this.#document.components.headers)) {
      if (header["x-any-answer"] === true) known.set(name.toLowerCase(), header);
    }
    for (const [name, header] of Object.entries(declared.headers ?? {})) {
      known.set(name.toLowerCase(), this.#resolve(header));
    }
    const undeclared = [...headers.keys()]
      .filter((name) => !known.has(name) && !TRANSPORT.test(name))
      .map((name) => `does not declare ${name}`);
    const wrong = [...known].flatMap(([name, { required, schema }]) => {
      const value = headers.get(name);
      if (value === null) return required === true ? [`lacks ${name}`] : [];
      const validate = this.#ajv.compile(schema);
      return validate(schema.type === "integer" ? Number(value) : value)
        ? []
        : [`has a wrong ${name}: ${value}`];
    });
    return [...undeclared, ...wrong];
  }

  #resolve(header: Header | { readonly $ref: string }): Header {
    if (!("$ref" in header)) return header;
    const found = this.#document.components.headers[header.$ref.split("/").at(-1) ?? ""];
    if (found === undefined) throw new Error(`${header.$ref} is missing`);
    return found;
  }

  /** An answer to a request that no operation takes: a problem, or a preflight's. */
  #outside({ status, headers, body }: Answer): string[] {
    if (![...OUTSIDE, ...BROKEN].includes(String(status))) return ["is not declared"];
    const declared = { headers: { "X-Request-Id": { $ref: "X-Request-Id" } } };
    const own = new Headers([...headers].filter(([name]) => !OUTSIDE_HEADERS.test(name)));
    const breaches = this.#headerBreaches(declared, own);
    if (!body) return breaches;
    return [...breaches, ...this.misfits("/components/schemas/Problem", JSON.parse(body))];
  }

  /** HEAD is GET's. What is served outside the base path is served under it as well. */
  #find(method: string, path: string): { operation: Operation; at: string } | null {
    const name = method === "HEAD" ? "get" : method.toLowerCase();
    const plain = decoded(path.split("?", 1)[0] ?? "").replace(/\/$/, "");
    for (const place of [plain, plain.replace(/^\/api\/v1/, "")]) {
      for (const [template, item] of Object.entries(this.#document.paths)) {
        const pattern = new RegExp(`^${template.replaceAll(/\{\w+\}/g, "[^/]+")}$`);
        const operation = pattern.test(place) ? item[name] : undefined;
        if (operation !== undefined) {
          return { operation, at: `/paths/${escapePointer(template)}/${name}` };
        }
      }
    }
    return null;
  }
}

/** As routers read a path: `%75` is `u`, but `%2F` no slash. */
function decoded(path: string): string {
  try {
    return decodeURI(path);
  } catch {
    return path;
  }
}

/** RFC 6901. */
export function escapePointer(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}

/** The document with all its objects closed: nothing else may be in them than what they name. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== "object" || value === null) return value;
  const copy = Object.fromEntries(
    Object.entries(value).map(([name, part]) => [name, closed(part)]),
  );
  const isObject = [copy["type"]].flat().includes("object");
  if (!isObject || typeof copy["properties"] !== "object" || "additionalProperties" in copy) {
    return copy;
  }
  return { ...copy, unevaluatedProperties: false };
}
