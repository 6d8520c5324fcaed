import {
  type DocsContent,
  type DocsDocument,
  type DocsOperation,
  type DocsParameter,
  resolve,
} from "./document.ts";

/**
 * The shell command for this call, built from the examples in the document. `$STOWAGE` is the URL of the service,
 * `$TOKEN` the credential.
 */
export function curlOf(
  document: DocsDocument,
  path: string,
  method: string,
  operation: DocsOperation,
): string {
  const parameters = (operation.parameters ?? []).map((one) =>
    resolve(document, "parameters", one),
  );
  const words = ["curl", ...bodyOf(method, operation.requestBody?.content ?? {})];
  if (operation.security.length > 0) words.push('-H "Authorization: Bearer $TOKEN"');
  words.push(`"$STOWAGE${fill(path, parameters)}"`);
  return words.join(" \\\n  ");
}

function bodyOf(method: string, content: DocsContent): string[] {
  const form = content["multipart/form-data"]?.example;
  if (form !== undefined) {
    return Object.entries(form as Record<string, string>).map(([name, value]) =>
      name === "file" ? "-F file=@resume.txt" : `-F ${quote(`${name}=${value}`)}`,
    );
  }
  if (content["*/*"] !== undefined) return ["-T resume.txt"];
  const verb = method === "get" ? [] : [`-X ${method.toUpperCase()}`];
  const json = content["application/json"]?.example;
  return json === undefined ? verb : [...verb, `--json ${quote(JSON.stringify(json))}`];
}

/** The path and the required query parameters, filled with examples. */
function fill(path: string, parameters: readonly DocsParameter[]): string {
  const exampleOf = ({ schema }: DocsParameter) =>
    encodeURIComponent(String(schema.examples?.[0] ?? ""));
  const inPath = parameters.filter((one) => one.in === "path");
  const query = parameters.filter((one) => one.in === "query" && one.required === true);
  const filled = inPath.reduce((at, one) => at.replace(`{${one.name}}`, exampleOf(one)), path);
  const pairs = query.map((one) => `${one.name}=${exampleOf(one)}`);
  return pairs.length === 0 ? filled : `${filled}?${pairs.join("&")}`;
}

/** Quote for a POSIX shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
