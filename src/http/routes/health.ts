import { createRoute, z } from "@hono/zod-openapi";
import { endpoint } from "../endpoint.ts";
import { json } from "../responses/responses.ts";
import { toTime } from "../schemas.ts";

const LiveSchema = z.object({ status: z.literal("alive") }).openapi("Liveness");

const ReadySchema = z
  .object({
    status: z.enum(["ready", "unready"]),
    checks: z.array(
      z.object({
        name: z.string().openapi({
          description:
            "`storage` takes uploads. `fallbacks` is there where older storages are configured",
        }),
        status: z.enum(["healthy", "degraded", "unhealthy"]).openapi({
          description: "`degraded`: in trouble, but uploads are taken all the same",
        }),
        error_code: z.string().nullable(),
      }),
    ),
    connections: z
      .object({
        open: z.number().int(),
        limit: z.number().int().openapi({ description: "`MAX_CONNECTIONS`" }),
      })
      .nullable()
      .openapi({ description: "Of this server; `null` inside another application" }),
  })
  .openapi("Readiness");

const StorageHealthSchema = z
  .object({
    service: z.literal("file_storage"),
    status: z.enum(["healthy", "unhealthy"]).openapi({ description: "The worst of all" }),
    error_code: z.string().nullable(),
    storages: z.array(
      z.object({
        id: z.string().openapi({
          description:
            "Empty for a fallback that could not be opened yet and is unknown to the records",
        }),
        uri: z.string().openapi({ description: "Secrets masked" }),
        service: z.string(),
        status: z.enum(["healthy", "unhealthy"]),
        error_code: z.string().nullable(),
        steps: z.array(z.object({ name: z.string(), ok: z.boolean() })),
        corrupt_reads: z.number().int().openapi({
          description: "How often bytes were others than those that were stored, since the start",
        }),
        last_corrupt_read_at: z.iso.datetime().nullable(),
        missing_files: z.number().int().nullable().openapi({
          description: "How many files are missing. Each call looks again for 100 of them",
        }),
        checked_at: z.iso.datetime(),
      }),
    ),
  })
  .openapi("StorageHealth");

export const live = endpoint({
  access: "public",
  alsoAtRoot: true,
  rateLimited: false,
  route: createRoute({
    method: "get",
    path: "/health/live",
    operationId: "live",
    tags: ["Service"],
    summary: "Whether the process answers",
    responses: { 200: json("It does", LiveSchema) },
  }),
  problems: [],
  handler: (c) => c.json({ status: "alive" as const }, 200),
});

export const ready = endpoint({
  access: "public",
  alsoAtRoot: true,
  rateLimited: false,
  route: createRoute({
    method: "get",
    path: "/health/ready",
    operationId: "ready",
    tags: ["Service"],
    summary: "Whether uploads can be taken now",
    responses: {
      200: json("They can", ReadySchema),
      503: json("They cannot, or the server is stopping", ReadySchema),
    },
  }),
  problems: [],
  async handler(c) {
    const health = await c.var.services.health.ready();
    const checks = health.checks.map(({ name, status, errorCode }) => ({
      name,
      // Never a 200 with `unhealthy` inside: whoever looks for that word would be misled.
      status: health.ready && status === "unhealthy" ? ("degraded" as const) : status,
      error_code: errorCode,
    }));
    const { connections } = health;
    if (health.ready) return c.json({ status: "ready" as const, checks, connections }, 200);
    return c.json({ status: "unready" as const, checks, connections }, 503);
  },
});

export const storageHealth = endpoint({
  access: "operator",
  route: createRoute({
    method: "get",
    path: "/storage/health",
    operationId: "storageHealth",
    tags: ["Service"],
    summary: "Probe every storage",
    responses: {
      200: json("All are healthy", StorageHealthSchema),
      503: json("Some are not", StorageHealthSchema),
    },
  }),
  problems: [],
  async handler(c) {
    const found = await c.var.services.health.storages();
    const storages = found.map((storage) => ({
      id: storage.id,
      uri: storage.display,
      service: storage.service,
      status: storage.status,
      error_code: storage.errorCode,
      steps: [...storage.steps],
      corrupt_reads: storage.corruption.reads,
      last_corrupt_read_at: toTime(storage.corruption.lastAt),
      missing_files: storage.missingFiles,
      checked_at: new Date(storage.checkedAt).toISOString(),
    }));
    const unhealthy = storages.find(({ status }) => status !== "healthy");
    const service = "file_storage" as const;
    if (unhealthy === undefined) {
      return c.json({ service, status: "healthy" as const, error_code: null, storages }, 200);
    }
    const { status, error_code } = unhealthy;
    return c.json({ service, status, error_code, storages }, 503);
  },
});
