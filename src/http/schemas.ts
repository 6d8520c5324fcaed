import { z } from "@hono/zod-openapi";
import { uploadNotFound } from "../application/uploads/find-upload.ts";
import { MAX_FILENAME_BYTES } from "../domain/filename.ts";
import type { ListFilter } from "../domain/ports/records.ts";
import { type ProcessingError, UPLOAD_STATUSES, type Upload } from "../domain/upload.ts";
import { EXAMPLE_ID } from "./openapi/example-values.ts";

const MAX_PAGE_SIZE = 200;
const DEFAULT_PAGE_SIZE = 50;

const Time = z.iso.datetime().openapi({ description: "RFC 3339, UTC" });
const Status = z.enum(UPLOAD_STATUSES).openapi("UploadStatus");

const ProcessingErrorSchema = z
  .object({ code: z.string(), detail: z.string(), retryable: z.boolean() })
  .openapi("ProcessingError");

/** An upload as callers see it. */
export const UploadSchema = z
  .object({
    id: z.string().openapi({ description: "A UUIDv7" }),
    tenant_id: z.string().openapi({ description: "The tenant of the credential that uploaded it" }),
    filename: z
      .string()
      .openapi({ description: "The last path segment of the name that was sent, in Unicode NFC" }),
    size: z.number().int().nullable().openapi({ description: "Bytes; null while uploading" }),
    original_filename: z.string().openapi({ description: "Exactly as sent" }),
    content_type: z.string().openapi({
      description:
        "Detected from the bytes. If they are ambiguous, the declared type, unless files of that type never start like this one",
    }),
    sha256: z.string().nullable().openapi({ description: "Hexadecimal; null while uploading" }),
    status: Status,
    processing: z.object({
      attempts: z.number().int().openapi({ description: "Runs started since it was last queued" }),
      error: ProcessingErrorSchema.nullable(),
      started_at: Time.nullable(),
      finished_at: Time.nullable(),
    }),
    metadata: z.record(z.string(), z.unknown()).openapi({ description: "Your own fields" }),
    external_id: z
      .string()
      .nullable()
      .openapi({ description: "The former id of an adopted upload" }),
    created_by: z.string().openapi({ description: "The credential that uploaded it" }),
    expires_at: Time.nullable(),
    created_at: Time.openapi({
      description:
        "When the upload began. An upload that takes long to arrive is listed only once it is complete, in the place of its start.",
    }),
    updated_at: Time,
  })
  .openapi("Upload");
export type UploadJson = z.infer<typeof UploadSchema>;

export const UploadListSchema = z
  .object({ items: z.array(UploadSchema), next_cursor: z.string().nullable() })
  .openapi("UploadList");

export const ResultSchema = z
  .object({
    upload_id: z.string(),
    status: Status,
    processors: z.array(
      z.object({
        name: z.string(),
        version: z.string(),
        status: z.enum(["processed", "failed"]),
        output: z
          .record(z.string(), z.unknown())
          .nullable()
          .openapi({ description: "Facts about the file. `text` has all of its text" }),
        error: ProcessingErrorSchema.nullable(),
        duration_ms: z.number(),
      }),
    ),
  })
  .openapi("ProcessingResult");

export const UploadIdParams = z.object({
  id: z.string().openapi({
    description: "The upload's `id`, or the `external_id` of an adopted upload",
    examples: [EXAMPLE_ID],
  }),
});

/** A flag in a query or a form. */
export const FlagSchema = z.enum(["true", "false"]);

/** A time in a query, parsed to milliseconds since 1970. */
export const TimeParameter = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));

export const PutQuery = z.object({
  expires_at: TimeParameter.optional().openapi({
    type: "string",
    format: "date-time",
    description: "When Stowage removes it",
    examples: ["2099-12-31T00:00:00Z"],
  }),
  auto_process: FlagSchema.optional().openapi({
    description: "Process the file on arrival. The server sets the default",
  }),
});
export const PutNamedQuery = PutQuery.extend({
  filename: z.string().openapi({ description: "The filename", examples: ["resume.txt"] }),
});
export const FilenameParams = z.object({
  filename: z
    .string()
    .openapi({ description: "The filename, percent-encoded", examples: ["resume.txt"] }),
});
export const FileQuery = z.object({
  inline: z
    .enum(["0", "1"])
    .optional()
    .openapi({ description: "`1` lets browsers display the file, if its type is safe" }),
});

export const TextQuery = z.object({
  processor: z
    .string()
    .regex(/^[a-z0-9-]{1,40}$/, "Expected the name of a processor")
    .optional()
    .openapi({
      description: "Whose text. Default: `text`, else the first processor by name that found any",
    }),
});

/** Where a stream resumes. Empty after an event without an id. */
const LastEventId = z
  .string()
  .regex(/^\d{0,15}$/, "Expected the id of an event")
  .transform(Number)
  .optional()
  .openapi({ type: "string" });

export const EventsQuery = z.object({
  last_event_id: LastEventId.openapi({
    description: "For clients that cannot send the header `Last-Event-ID`",
  }),
});
export const EventsHeaders = z.object({
  "last-event-id": LastEventId.openapi({
    description: "The `id` of the last message received",
  }),
});

export const ListQuery = z.object({
  limit: z
    .string()
    .regex(/^\d{1,3}$/, `Expected a number from 1 to ${MAX_PAGE_SIZE}`)
    .transform(Number)
    .pipe(z.number().min(1).max(MAX_PAGE_SIZE))
    .optional()
    .openapi({
      type: "integer",
      minimum: 1,
      maximum: MAX_PAGE_SIZE,
      default: DEFAULT_PAGE_SIZE,
      description: "Maximum number of uploads in the page",
      examples: [20],
    }),
  cursor: z.string().optional().openapi({ description: "`next_cursor` of the previous page" }),
  status: Status.optional().openapi({
    description: "Default: every status except `uploading`",
  }),
  filename_prefix: z
    .string()
    .min(1)
    .max(MAX_FILENAME_BYTES)
    .optional()
    .openapi({ description: "Only filenames that start with this", examples: ["resume"] }),
  created_after: TimeParameter.optional().openapi({
    type: "string",
    format: "date-time",
    description:
      "Only uploads with a `created_at` at or after this time. When you poll, overlap the windows: an upload that took long to arrive keeps its earlier `created_at`.",
    examples: ["2026-11-01T00:00:00Z"],
  }),
  created_before: TimeParameter.optional().openapi({
    type: "string",
    format: "date-time",
    description: "Only uploads with a `created_at` at or before this time",
    examples: ["2026-12-01T00:00:00+01:00"],
  }),
});

/** Passed on as sent: z.record() would drop a member named `__proto__`. */
const MetadataPatch = z
  .unknown()
  .refine(
    (value) => typeof value === "object" && !Array.isArray(value),
    "Expected an object or null",
  )
  .meta({}) as unknown as z.ZodType<Record<string, unknown> | null>;

/** The body of PATCH: a merge patch (RFC 7396). */
export const PatchBody = z.strictObject({
  metadata: MetadataPatch.optional().meta({
    type: ["object", "null"],
    description: "Members to set. A null member is removed; null instead of an object removes all",
  }),
  expires_at: z.iso
    .datetime({ offset: true })
    .nullable()
    .optional()
    .meta({ description: "When Stowage removes the upload; null for never" }),
});

/** The body of a reprocess call. */
export const ReprocessBody = z.strictObject({
  processors: z
    .array(z.string().min(1).max(40))
    .min(1)
    .max(32)
    .optional()
    .meta({ description: "Default: all processors that accept the file's type" }),
});

/** The filter and page size of a list query. */
export function toListFilter(query: z.infer<typeof ListQuery>): {
  readonly filter: ListFilter;
  readonly limit: number;
} {
  const filter = {
    status: query.status,
    // Filenames are stored in NFC.
    filenamePrefix: query.filename_prefix?.normalize("NFC"),
    createdAfter: query.created_after,
    createdBefore: query.created_before,
  };
  return { filter, limit: query.limit ?? DEFAULT_PAGE_SIZE };
}

/**
 * An upload as callers see it, without where its bytes are stored.
 *
 * @throws {StowageError} `upload_not_found` if it is being deleted.
 */
export function toUploadJson(upload: Upload): UploadJson {
  const { processing } = upload;
  return {
    id: upload.id,
    tenant_id: upload.tenant,
    filename: upload.filename,
    size: upload.sizeBytes,
    original_filename: upload.originalFilename,
    content_type: upload.contentType,
    sha256: upload.sha256,
    status: toStatus(upload),
    processing: {
      attempts: processing.attempts,
      error: toErrorJson(processing.error),
      started_at: toTime(processing.startedAt),
      finished_at: toTime(processing.finishedAt),
    },
    metadata: { ...upload.metadata },
    external_id: upload.externalId,
    created_by: upload.createdBy,
    expires_at: toTime(upload.expiresAt),
    created_at: new Date(upload.createdAt).toISOString(),
    updated_at: new Date(upload.updatedAt).toISOString(),
  };
}

/** @throws {StowageError} `upload_not_found` if the upload is being deleted. */
export function toStatus(upload: Upload): UploadJson["status"] {
  if (upload.status !== "deleting") return upload.status;
  throw uploadNotFound();
}

export function toErrorJson(
  error: ProcessingError | null,
): z.infer<typeof ProcessingErrorSchema> | null {
  return error && { code: error.code, detail: error.detail, retryable: error.retryable };
}

/** A time as callers see it. */
export function toTime(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
