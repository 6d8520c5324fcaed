/** The parts of an OpenAPI document that the page shows. */
export interface DocsDocument {
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly servers: readonly { readonly url: string }[];
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, DocsOperation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, DocsSchema>>;
    readonly parameters: Readonly<Record<string, DocsParameter>>;
    readonly headers: Readonly<Record<string, DocsHeader>>;
  };
}

export interface DocsOperation {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly tags: readonly string[];
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters?: readonly (DocsParameter | Reference)[];
  readonly requestBody?: { readonly description?: string; readonly content: DocsContent };
  readonly responses: Readonly<Record<string, DocsResponse>>;
}

export interface DocsResponse {
  readonly description: string;
  readonly headers?: Readonly<Record<string, DocsHeader | Reference>>;
  readonly content?: DocsContent;
}

export type DocsContent = Readonly<
  Record<string, { readonly schema?: DocsSchema; readonly example?: unknown }>
>;

export interface DocsHeader {
  readonly description: string;
  readonly schema: DocsSchema;
}

export interface DocsParameter extends DocsHeader {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
}

export interface Reference {
  readonly $ref: string;
}

export interface DocsSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly description?: string;
  readonly examples?: readonly unknown[];
  readonly items?: DocsSchema;
  readonly properties?: Readonly<Record<string, DocsSchema>>;
  readonly required?: readonly string[];
}

/** The target of a reference, or the value itself. */
export function resolve<Kind extends "parameters" | "headers">(
  document: DocsDocument,
  kind: Kind,
  value: DocsDocument["components"][Kind][string] | Reference,
): DocsDocument["components"][Kind][string] {
  if (!("$ref" in value)) return value;
  return document.components[kind][nameOf(value)] as DocsDocument["components"][Kind][string];
}

/** The last segment of a reference: `Upload` for `#/components/schemas/Upload`. */
export function nameOf({ $ref }: Reference): string {
  return $ref.replace(/^.*\//, "");
}
