/** The parts of an OpenAPI document that are changed here. */
export interface MutableDocument {
  paths?: Record<string, Record<string, unknown>>;
  components?: Record<string, Record<string, unknown>>;
}

/** Kinds of components that are all registered, used or not. */
const SHARED_KINDS = ["parameters", "headers", "examples"] as const;

/**
 * Merge paths that differ only in parameter names, such as `PUT /upload/{filename}` and `GET /upload/{id}`:
 * OpenAPI considers them identical. The name declared last wins.
 *
 * @see https://spec.openapis.org/oas/v3.1.1.html#path-templating-matching
 */
export function mergeEquivalentPaths(document: MutableDocument): void {
  const shapeOf = (path: string) => path.replaceAll(/\{\w+\}/g, "{}");
  const groups = Map.groupBy(Object.entries(document.paths ?? {}), ([path]) => shapeOf(path));
  const merged = [...groups.values()].map((group) => {
    const names = namesIn(group.at(-1)?.[0] ?? "");
    const items = group.map(([path, item]) => renamed(item, namesIn(path), names));
    return [group.at(-1)?.[0], Object.assign({}, ...items)];
  });
  document.paths = Object.fromEntries(merged);
}

/** Drop shared components without references, except headers that any response may have. */
export function dropUnusedComponents(document: MutableDocument): void {
  const text = JSON.stringify(document);
  for (const kind of SHARED_KINDS) {
    const all = Object.entries(document.components?.[kind] ?? {});
    const used = all.filter(
      ([name, component]) =>
        text.includes(`"#/components/${kind}/${name}"`) ||
        (component as Record<string, unknown>)["x-any-answer"] === true,
    );
    if (document.components !== undefined) document.components[kind] = Object.fromEntries(used);
  }
}

function namesIn(path: string): string[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
}

/** The operations of a path with their path parameters renamed. */
function renamed(
  item: Readonly<Record<string, unknown>>,
  from: readonly string[],
  to: readonly string[],
): Record<string, unknown> {
  const rename = (parameter: { in?: string; name?: string }) =>
    parameter.in === "path"
      ? { ...parameter, name: to[from.indexOf(parameter.name ?? "")] }
      : parameter;
  const entries = Object.entries(item).map(([method, operation]) => {
    const { parameters = [] } = operation as { parameters?: object[] };
    return [method, { ...(operation as object), parameters: parameters.map(rename) }];
  });
  return Object.fromEntries(entries);
}
