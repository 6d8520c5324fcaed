import { StowageError } from "../domain/errors.ts";
import type { ListFilter, ListPosition } from "../domain/ports/records.ts";
import type { Signer } from "../domain/ports/signer.ts";
import type { TenantId } from "../domain/tenant.ts";
import { findUploadId } from "../domain/upload-id.ts";

/** The list that a cursor is valid for. */
export interface CursorScope {
  readonly tenant: TenantId;
  readonly filter: ListFilter;
}

/** Version, milliseconds since 1970, id; then the tag. */
const CURSOR = /^2\.(0|-?[1-9]\d{0,15})\.([0-9a-f-]{36})\.([A-Za-z0-9_-]{43})$/;

/** Our cursors are shorter; longer ones are not parsed. */
const MAX_LENGTH = 120;

const PURPOSE = "cursor";

/**
 * A position in a list as one opaque, signed word. It is invalid once edited, for another list, and for another
 * tenant.
 */
export async function formatCursor(
  position: ListPosition,
  scope: CursorScope,
  signer: Signer,
): Promise<string> {
  const tag = await signer.sign(PURPOSE, claimOf(position, scope));
  return `2.${position.createdAt}.${position.id}.${tag}`;
}

/** @throws {StowageError} `invalid_cursor` unless it comes from {@link formatCursor} with the same scope. */
export async function parseCursor(
  cursor: string,
  scope: CursorScope,
  signer: Signer,
): Promise<ListPosition> {
  const match = cursor.length > MAX_LENGTH ? null : CURSOR.exec(cursor);
  const id = findUploadId(match?.[2] ?? "");
  if (match === null || id === null) throw invalidCursor();
  const position = { createdAt: Number(match[1]), id };
  if (await signer.verify(PURPOSE, claimOf(position, scope), match[3] ?? "")) return position;
  throw invalidCursor();
}

function claimOf({ createdAt, id }: ListPosition, { tenant, filter }: CursorScope): string {
  const { status, filenamePrefix, createdAfter, createdBefore } = filter;
  const parts = [tenant, status, filenamePrefix, createdAfter, createdBefore, createdAt, id];
  return JSON.stringify(parts.map((part) => part ?? null));
}

function invalidCursor(): StowageError {
  return new StowageError(
    "invalid_cursor",
    "Cannot use cursor: it is not a next_cursor of this list (start again without it)",
  );
}
