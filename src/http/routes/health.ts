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
            "`storage` is where uploads go. `fallbacks` appears only if older storages are configured",
        }),
        status: z.enum(["healthy", "degraded", "unhealthy"]).openapi({
          description: "`degraded`: something fails, but uploads are accepted",
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
      .openapi({
        description:
          "Connections of this server; `null` if Stowage is mounted in another application",
      }),
  })
  .openapi("Readiness");

const StorageHealthSchema = z
  .object({
    service: z.literal("file_storage"),
    status: z
      .enum(["healthy", "unhealthy"])
      .openapi({ description: "The worst status of all storages" }),
    error_code: z.string().nullable(),
    storages: z.array(
      z.object({
        id: z.string().openapi({
          description:
            "Empty for a fallback that is not in the database yet because it could not be opened",
        }),
        uri: z.string().openapi({ description: "With secrets masked" }),
        service: z.string(),
        status: z.enum(["healthy", "unhealthy"]),
        error_code: z.string().nullable(),
        advice: z
          .string()
          .nullable()
          .openapi({ description: "What to do about it, if the driver knows" }),
        steps: z.array(z.object({ name: z.string(), ok: z.boolean() })),
        corrupt_reads: z.number().int().openapi({
          description: "Reads since start-up whose bytes failed verification",
        }),
        last_corrupt_read_at: z.iso.datetime().nullable(),
        missing_files: z.number().int().nullable().openapi({
          description: "How many files are missing. Each call checks 100 of them again",
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
    summary: "Check that the process is alive",
    responses: { 200: json("Alive", LiveSchema) },
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
    summary: "Check that the service accepts uploads",
    responses: {
      200: json("Ready", ReadySchema),
      503: json("Not ready, or shutting down", ReadySchema),
    },
  }),
  problems: [],
  async handler(c) {
    const health = await c.var.services.health.ready();
    const checks = health.checks.map(({ name, status, errorCode }) => ({
      name,
      // A 200 never contains `unhealthy`: monitors that search for the word would be misled.
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
    summary: "Check every storage",
    responses: {
      200: json("All storages are healthy", StorageHealthSchema),
      503: json("At least one storage is unhealthy", StorageHealthSchema),
    },
  }),
  problems: [],
  async handler(c) {
    const results = await c.var.services.health.storages();
    const storages = results.map((storage) => ({
      id: storage.id,
      uri: storage.display,
      service: storage.service,
      status: storage.status,
      error_code: storage.errorCode,
      advice: storage.advice,
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
