import { createRoute } from "@hono/zod-openapi";
import type { DocsDocument } from "../docs/document.ts";
import { docsPage } from "../docs/page.ts";
import { DOCS_STYLE } from "../docs/style.ts";
import { endpoint } from "../endpoint.ts";

/** The page of each document, rendered once. */
const pages = new WeakMap<() => string, Promise<string>>();

/** Allows the page's own style, by its hash, and nothing else. */
let policy: Promise<string> | undefined;

export const docs = endpoint({
  access: "public",
  alsoAtRoot: true,
  route: createRoute({
    method: "get",
    path: "/docs",
    operationId: "docs",
    tags: ["Service"],
    summary: "Show this documentation as a page",
    description: "Plain HTML: no scripts, and no requests to other servers.",
    responses: {
      200: {
        description: "The page",
        content: { "text/html": { schema: { type: "string" as const } } },
      },
    },
  }),
  problems: [],
  async handler(c) {
    const { openapi, options } = c.var;
    let page = pages.get(openapi);
    if (page === undefined) {
      const document = JSON.parse(openapi()) as DocsDocument;
      page = docsPage(document, `${options.basePath ?? ""}/openapi.json`);
      pages.set(openapi, page);
    }
    policy ??= policyFor(DOCS_STYLE);
    return c.body(await page, 200, {
      "Content-Type": "text/html; charset=utf-8",
      "Content-Security-Policy": await policy,
    }) as never;
  },
});

/** @see https://www.w3.org/TR/CSP3/#grammardef-hash-source */
async function policyFor(style: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(style));
  const base64 = btoa(String.fromCharCode(...new Uint8Array(hash)));
  return `default-src 'none'; style-src 'sha256-${base64}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
}
