type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** As much of an OpenAPI 3.1 document as is looked at here. */
export interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

export interface Operation {
  readonly operationId?: string;
  readonly security?: readonly unknown[];
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema?: Schema }>> }>
  >;
}

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly Json[];
  readonly const?: Json;
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly additionalProperties?: boolean | Schema;
}

/**
 * What of an answer the document does not promise; nothing for a path that it does not know.
 *
 * Unlike the validators of clients it is strict: a property that no schema names is a problem.
 */
export function findBreaches(
  document: Document,
  request: { readonly method: string; readonly path: string },
  answer: { readonly status: number; readonly contentType: string | null; readonly body: string },
): string[] {
  const operation = findOperation(document, request.method, request.path);
  // OPTIONS, 404 and 405 belong to no operation.
  if (operation === null) return [];
  const name = `${operation.operationId} ${answer.status}`;
  const declared = operation.responses[String(answer.status)];
  if (declared === undefined) return [`${name} is not declared`];
  if (answer.contentType === null || answer.body === "") return [];
  const mediaType = answer.contentType.split(";", 1)[0] ?? "";
  const media = declared.content?.[mediaType] ?? declared.content?.["*/*"];
  if (media === undefined) return [`${name} is not declared as ${mediaType}`];
  if (!mediaType.endsWith("json") || media.schema === undefined) return [];
  if (media === declared.content?.["*/*"]) return [];
  return violations(document, media.schema, JSON.parse(answer.body) as Json, name);
}

function findOperation(document: Document, method: string, path: string): Operation | null {
  const name = method === "HEAD" ? "get" : method.toLowerCase();
  const plain = (path.split("?", 1)[0] ?? "").replace(/\/$/, "");
  for (const [template, item] of Object.entries(document.paths)) {
    const pattern = new RegExp(`^${template.replaceAll(/\{\w+\}/g, "[^/]+")}$`);
    if (pattern.test(plain) && item[name] !== undefined) return item[name];
  }
  return null;
}

function violations(document: Document, schema: Schema, value: Json, at: string): string[] {
  const inner = (next: Schema, part: Json, place = at) => violations(document, next, part, place);
  if (schema.$ref !== undefined) {
    const found = document.components.schemas[schema.$ref.split("/").at(-1) ?? ""];
    return found === undefined ? [`${at}: ${schema.$ref} is missing`] : inner(found, value);
  }
  if (schema.anyOf?.every((option) => inner(option, value).length > 0)) return [`${at}: fits none`];
  const problems = (schema.allOf ?? []).flatMap((part) => inner(part, value));
  const types = schema.type === undefined ? [] : [schema.type].flat();
  if (types.length > 0 && !types.some((type) => isOf(type, value))) {
    return [`${at}: ${JSON.stringify(value)} is no ${types.join(" or ")}`];
  }
  if (schema.enum !== undefined && !schema.enum.includes(value)) problems.push(`${at}: not listed`);
  if (schema.const !== undefined && schema.const !== value) problems.push(`${at}: not constant`);
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items !== undefined)
      problems.push(...value.flatMap((one, i) => inner(items, one, `${at}[${i}]`)));
  } else if (typeof value === "object" && value !== null && schema.properties !== undefined) {
    const missing = (schema.required ?? []).filter((name) => !Object.hasOwn(value, name));
    problems.push(...missing.map((name) => `${at}.${name} is missing`));
    for (const [name, part] of Object.entries(value)) {
      const known = schema.properties[name];
      if (known === undefined) problems.push(`${at}.${name} is not declared`);
      else problems.push(...inner(known, part, `${at}.${name}`));
    }
  }
  return problems;
}

function isOf(type: string, value: Json): boolean {
  if (type === "null") return value === null;
  if (type === "array") return Array.isArray(value);
  if (type === "integer") return Number.isInteger(value);
  if (type === "object")
    return typeof value === "object" && value !== null && !Array.isArray(value);
  return typeof value === type;
}
