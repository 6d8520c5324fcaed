import { html, raw } from "hono/html";
import { ERROR_GUIDE } from "../openapi/error-guide.ts";
import { STATUS } from "../problem.ts";
import { curlOf } from "./curl.ts";
import {
  type DocsContent,
  type DocsDocument,
  type DocsHeader,
  type DocsOperation,
  type DocsResponse,
  type DocsSchema,
  nameOf,
  resolve,
} from "./document.ts";
import { DOCS_STYLE } from "./style.ts";

/** A fragment of the page. Interpolated values are escaped, except other fragments. */
type Html = ReturnType<typeof html>;

/**
 * The OpenAPI document as an HTML page, without scripts or external resources.
 *
 * @param documentUrl The URL of the document itself.
 */
export async function docsPage(document: DocsDocument, documentUrl: string): Promise<string> {
  const { title, version, description } = document.info;
  const calls = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
  );
  const groups = document.tags.map((tag) => ({
    ...tag,
    calls: calls.filter(({ operation }) => operation.tags[0] === tag.name),
  }));
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} ${version}: HTTP API</title>
<style>${raw(DOCS_STYLE)}</style>
</head>
<body>
<nav aria-label="Calls">
${groups.map(
  (group) =>
    html`<p>${group.name}</p><ul>${group.calls.map(
      ({ operation }) =>
        html`<li><a href="#${operation.operationId}">${operation.summary}</a></li>`,
    )}</ul>`,
)}
<ul><li><a href="#schemas">Schemas</a></li><li><a href="#headers">Common headers</a></li>
<li><a href="#errors">Errors</a></li><li><a href="${documentUrl}">OpenAPI document</a></li></ul>
</nav>
<main>
<h1>${title} <small class="soft">${version}</small></h1>
${markdown(description)}
<p>The shell commands use two variables: <code>STOWAGE</code>, the URL of the service, and <code>TOKEN</code>, an API
key or a JWT.</p>
${groups.map(
  (group) =>
    html`<h2>${group.name}</h2>${markdown(group.description)}${group.calls.map(
      ({ path, method, operation }) => section(document, path, method, operation),
    )}`,
)}
<h2 id="schemas">Schemas</h2>
${Object.entries(document.components.schemas).map(
  ([name, schema]) => html`<h3 id="schema-${name}">${name}</h3>${shape(schema)}`,
)}
<h2 id="headers">Common headers</h2>
${headerTable(commonHeaders(document))}
<h2 id="errors">Errors</h2>
<table>${Object.entries(ERROR_GUIDE).map(
    ([code, guide]) =>
      html`<tr id="error-${code}"><td><code>${code}</code> <small>${String(STATUS[code as keyof typeof STATUS])}</small></td><td>${inline(guide)}</td></tr>`,
  )}</table>
</main>
</body>
</html>
`;
  return String(await page);
}

function section(
  document: DocsDocument,
  path: string,
  method: string,
  operation: DocsOperation,
): Html {
  const parameters = (operation.parameters ?? []).map((one) =>
    resolve(document, "parameters", one),
  );
  const body = operation.requestBody;
  return html`<section id="${operation.operationId}">
<h3>${operation.summary}</h3>
<p><strong>${method.toUpperCase()}</strong> <code>${path}</code></p>
${markdown(operation.description ?? "")}
<p class="soft">${accessOf(operation)}</p>
<pre><code>${curlOf(document, path, method, operation)}</code></pre>
<h4>Parameters</h4>
<table>${parameters.map((one) =>
    row(
      html`<code>${one.name}</code> <small>${one.in}${one.required === true ? ", required" : ""}</small>`,
      one.schema,
      one.description,
    ),
  )}</table>
${body === undefined ? "" : html`<h4>Body</h4>${markdown(body.description ?? "")}${content(body.content)}`}
<h4>Responses</h4>
${Object.entries(operation.responses).map(([status, response]) => responseDetails(document, status, response))}
</section>`;
}

function accessOf({ security }: DocsOperation): Html {
  const [scopes] = security.flatMap((one) => Object.values(one));
  if (scopes === undefined) return html`Public.`;
  const [scope] = scopes;
  return scope === undefined
    ? html`Operators only.`
    : html`Requires the scope <code>${scope}</code>.`;
}

function responseDetails(document: DocsDocument, status: string, response: DocsResponse): Html {
  const headers = Object.entries(response.headers ?? {}).map(
    ([name, header]) => [name, resolve(document, "headers", header)] as const,
  );
  return html`<details><summary><strong>${status}</strong> ${firstLine(response.description)}</summary>
${markdown(response.description)}
${headerTable(headers)}
${content(response.content ?? {})}
</details>`;
}

/** The summary of a response: its description, or the codes of its problems. */
function firstLine(description: string): Html {
  const codes = [...description.matchAll(/^- (`\w+`):/gm)].map(([, code = ""]) => code);
  const [first = ""] = description.split("\n", 1);
  return inline(first.startsWith("- ") ? codes.join(", ") : first);
}

function content(types: DocsContent): Html {
  return html`${Object.entries(types).map(
    ([type, { schema, example }]) => html`<p><code>${type}</code></p>
${schema === undefined ? "" : shape(schema)}
${example === undefined ? "" : html`<pre><code>${typeof example === "string" ? example : JSON.stringify(example, null, 2)}</code></pre>`}`,
  )}`;
}

function headerTable(headers: readonly (readonly [string, DocsHeader])[]): Html {
  return html`<table>${headers.map(([name, { schema, description }]) =>
    row(html`<code>${name}</code>`, schema, description),
  )}</table>`;
}

function commonHeaders({ components }: DocsDocument): [string, DocsHeader][] {
  return Object.entries(components.headers).filter(([, header]) => "x-any-answer" in header);
}

function shape(schema: DocsSchema): Html {
  if (schema.properties === undefined) return html`<p>${typeOf(schema)}</p>`;
  return html`<table>${properties(schema)}</table>`;
}

/** A row per property. Nested properties are written with dots. */
function properties(schema: DocsSchema, before = ""): Html[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const inner = property.properties === undefined ? property.items : property;
    const path = before + name;
    const own = row(html`<code>${path}</code>`, property, property.description ?? "");
    if (inner?.properties === undefined) return [own];
    return [own, ...properties(inner, inner === property ? `${path}.` : `${path}[].`)];
  });
}

function row(name: Html, schema: DocsSchema, description: string): Html {
  const defaultValue =
    schema.default === undefined ? "" : html` <small>Default: ${String(schema.default)}</small>`;
  return html`<tr><td>${name}<br><small>${typeOf(schema)}</small></td><td>${inline(description)}${defaultValue}</td></tr>`;
}

function typeOf(schema: DocsSchema): Html {
  const { $ref, items, format } = schema;
  if ($ref !== undefined) {
    const name = nameOf({ $ref });
    return html`<a href="#schema-${name}">${name}</a>`;
  }
  if (items !== undefined) return html`list of ${typeOf(items)}`;
  if (schema.enum !== undefined) return html`${schema.enum.map(String).join(" | ")}`;
  const types = [schema.type ?? "anything"].flat().join(" or ");
  return html`${types}${format === undefined ? "" : `, ${format}`}`;
}

/** The Markdown that descriptions use: paragraphs, lists, and backticks. */
function markdown(text: string): Html {
  const blocks = text.split(/\n\n|\n(?=- )|(?<=:)\n/).filter((block) => block !== "");
  return html`${blocks.map((block) => html`<p>${inline(block.replace(/^- /, "• "))}</p>`)}`;
}

/** Error codes link to their meaning. */
function inline(text: string): Html {
  const pieces = text.split(/`([^`]*)`/);
  return html`${pieces.map((piece, i) => {
    if (i % 2 === 0) return piece;
    if (!Object.hasOwn(ERROR_GUIDE, piece)) return html`<code>${piece}</code>`;
    return html`<a href="#error-${piece}"><code>${piece}</code></a>`;
  })}`;
}
