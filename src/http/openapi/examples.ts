import { type ErrorCode, StowageError } from "../../domain/errors.ts";
import { type Problem, problemOf } from "../problem.ts";
import type { UploadJson } from "../schemas.ts";
import { ERROR_GUIDE } from "./error-guide.ts";
import {
  EXAMPLE_ID,
  EXAMPLE_REQUEST_ID,
  EXAMPLE_SHA256,
  EXAMPLE_TEXT,
  EXAMPLE_TIME,
} from "./example-values.ts";

const STORED: UploadJson = {
  id: EXAMPLE_ID,
  tenant_id: "acme",
  filename: "resume.txt",
  size: 40,
  original_filename: "resume.txt",
  content_type: "text/plain",
  sha256: EXAMPLE_SHA256,
  status: "stored",
  processing: { attempts: 0, error: null, started_at: null, finished_at: null },
  metadata: {},
  external_id: null,
  created_by: "key:acme",
  expires_at: null,
  created_at: EXAMPLE_TIME,
  updated_at: EXAMPLE_TIME,
};
const QUEUED: UploadJson = { ...STORED, status: "queued" };

const EVENTS = [
  "retry: 3000",
  ...["queued", "processing", "processed"].map((status, i) => {
    const data = {
      upload_id: EXAMPLE_ID,
      status,
      attempts: Math.min(i, 1),
      error: null,
      at: EXAMPLE_TIME,
    };
    return `id: ${i + 2}\nevent: ${status}\ndata: ${JSON.stringify(data)}`;
  }),
  "",
].join("\n\n");

const READ_ONLY = "storage_read_only";

function stateOf(errorCode: string | null) {
  return { status: errorCode === null ? "healthy" : "unhealthy", error_code: errorCode };
}

/** @param errorCode Why the storage is unhealthy. */
function readiness(status: string, errorCode: string | null) {
  const checks = ["storage", "records", "processing"].map((name) => ({
    name,
    ...stateOf(name === "storage" ? errorCode : null),
  }));
  return { status, checks, connections: { open: 3, limit: 4096 } };
}

/** @param errorCode Why the storage cannot be written. */
function storageHealth(errorCode: string | null) {
  return {
    service: "file_storage",
    ...stateOf(errorCode),
    storages: [
      {
        id: "01a20ada-2c00-7979-8a95-10b166d7ffdb",
        uri: "memory:",
        service: "memory_file_storage",
        ...stateOf(errorCode),
        advice: null,
        steps: ["write", "read", "list", "delete"].map((name) => ({
          name,
          ok: name !== "write" || errorCode === null,
        })),
        corrupt_reads: 0,
        last_corrupt_read_at: null,
        missing_files: 0,
        checked_at: EXAMPLE_TIME,
      },
    ],
  };
}

/** The bodies of an operation's request and responses. */
export interface OperationExamples {
  /** Fields for a form, else the body as it is sent. */
  readonly request?: unknown;
  /** By status. */
  readonly responses: Readonly<Record<number, unknown>>;
}

/** By `operationId`. */
export const OPERATION_EXAMPLES: Readonly<Record<string, OperationExamples>> = {
  createUpload: {
    request: {
      file: EXAMPLE_TEXT,
      auto_process: "true",
      metadata: '{"candidate":"4711"}',
      sha256: EXAMPLE_SHA256,
    },
    responses: { 201: { ...QUEUED, metadata: { candidate: "4711" } } },
  },
  putUpload: { request: EXAMPLE_TEXT, responses: { 201: STORED } },
  putUploadNamed: { request: EXAMPLE_TEXT, responses: { 201: STORED } },
  listUploads: { responses: { 200: { items: [STORED], next_cursor: null } } },
  getUpload: { responses: { 200: STORED } },
  patchUpload: {
    request: { metadata: { candidate: "4711" }, expires_at: "2099-12-31T00:00:00Z" },
    responses: {
      200: { ...STORED, metadata: { candidate: "4711" }, expires_at: "2099-12-31T00:00:00.000Z" },
    },
  },
  // 206 matches the example of `Range`.
  getFile: { responses: { 200: EXAMPLE_TEXT, 206: EXAMPLE_TEXT.slice(0, 12) } },
  reprocess: { request: { processors: ["text"] }, responses: { 202: QUEUED } },
  getResult: {
    responses: {
      200: {
        upload_id: EXAMPLE_ID,
        status: "processed",
        processors: [
          {
            name: "text",
            version: "3",
            status: "processed",
            output: { characters: 39, words: 6, truncated: false, text: EXAMPLE_TEXT.trim() },
            error: null,
            duration_ms: 18,
          },
        ],
      },
    },
  },
  getText: { responses: { 200: EXAMPLE_TEXT.trim(), 206: EXAMPLE_TEXT.slice(0, 12) } },
  getEvents: { responses: { 200: EVENTS } },
  live: { responses: { 200: { status: "alive" } } },
  ready: { responses: { 200: readiness("ready", null), 503: readiness("unready", READ_ONLY) } },
  storageHealth: { responses: { 200: storageHealth(null), 503: storageHealth(READ_ONLY) } },
};

/** A problem as in a response. Its `detail` depends on the request, so here it is the code's meaning. */
export function exampleProblem(code: ErrorCode): Problem {
  const [meaning = ""] = ERROR_GUIDE[code].split(". ", 1);
  return problemOf(new StowageError(code, meaning), EXAMPLE_REQUEST_ID);
}
