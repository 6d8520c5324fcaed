import type { Endpoint } from "./endpoint.ts";
import { docs } from "./routes/docs.ts";
import { getEvents } from "./routes/events.ts";
import { getFile } from "./routes/files.ts";
import { live, ready, storageHealth } from "./routes/health.ts";
import { createUpload, putUpload, putUploadNamed } from "./routes/new-upload.ts";
import { openapi } from "./routes/openapi.ts";
import { getResult, reprocess } from "./routes/processing.ts";
import { getText } from "./routes/texts.ts";
import { deleteUpload, getUpload, listUploads, patchUpload } from "./routes/uploads.ts";

/** All endpoints of the API. A tuple, because the client's types derive from it. */
export const ENDPOINTS = [
  createUpload, // POST   /upload
  putUpload, // PUT    /upload/{filename}
  putUploadNamed, // PUT    /upload?filename=
  listUploads, // GET    /upload
  getUpload, // GET    /upload/{id}
  patchUpload, // PATCH  /upload/{id}
  deleteUpload, // DELETE /upload/{id}
  getFile, // GET    /upload/{id}/file, HEAD too
  reprocess, // POST   /upload/{id}/reprocess
  getResult, // GET    /upload/{id}/result
  getText, // GET    /upload/{id}/text, HEAD too
  getEvents, // GET    /upload/{id}/events, until it is settled
  live, // GET    /health/live
  ready, // GET    /health/ready
  storageHealth, // GET    /storage/health
  openapi, // GET    /openapi.json
  docs, // GET    /docs, the same as an HTML page
] as const satisfies readonly Endpoint[];
