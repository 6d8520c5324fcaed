import { createRoute } from "@hono/zod-openapi";
import { endpoint } from "../endpoint.ts";

export const openapi = endpoint({
  access: "public",
  alsoAtRoot: true,
  route: createRoute({
    method: "get",
    path: "/openapi.json",
    operationId: "openapi",
    tags: ["Service"],
    summary: "Get this OpenAPI document",
    responses: {
      200: {
        description: "OpenAPI 3.1",
        content: { "application/json": { schema: { type: "object" as const } } },
      },
    },
  }),
  problems: [],
  handler: (c) => c.body(c.var.openapi(), 200, { "Content-Type": "application/json" }) as never,
});
