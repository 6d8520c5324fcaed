/**
 * Stowage as a library: `createStowage` and the words around it.
 *
 * @module stowage
 */
export { FileStorage } from "./application/storages/file-storage.ts";
export type { Config } from "./config.ts";
export { ConfigError, loadConfig } from "./config.ts";
export { type ErrorCode, isStowageError, StowageError } from "./domain/errors.ts";
export type { Authenticate, Authenticator, Caller } from "./domain/ports/authenticator.ts";
export type { Extractor } from "./domain/ports/extractor.ts";
export type { Logger } from "./domain/ports/logger.ts";
export type { UploadRecords } from "./domain/ports/records.ts";
export type { Principal, Scope } from "./domain/principal.ts";
export type { TenantId } from "./domain/tenant.ts";
export type { Upload, UploadStatus } from "./domain/upload.ts";
export type { UploadId } from "./domain/upload-id.ts";
export { createStowage, type Stowage, type StowageParts } from "./stowage.ts";
