import { CONTAINER_MEDIA_TYPE } from "../domain/media-type.ts";

/** Streams that identify the formats before Office 2007 and Outlook messages. */
const TYPES: ReadonlyMap<string, string> = new Map([
  ["WordDocument", "application/msword"],
  ["Workbook", "application/vnd.ms-excel"],
  ["Book", "application/vnd.ms-excel"],
  ["PowerPoint Document", "application/vnd.ms-powerpoint"],
  ["__properties_version1.0", "application/vnd.ms-outlook"],
]);

/** [MS-CFB] 2.2 and 2.6: offsets in the header and in a directory entry. */
const SECTOR_SHIFT = 30;
const DIRECTORY_START = 48;
const TABLE_SECTORS = 76;
const HEADER_BYTES = 512;
const ENTRY_BYTES = 128;
const NAME_LENGTH = 64;
const LEFT = 68;
const RIGHT = 72;
const CHILD = 76;

/** More sectors than a head has. Stops chains that lead in a circle. */
const MAX_SECTORS = 128;

/**
 * Identify a compound file (OLE) by the streams in its root.
 *
 * @param head Its first bytes. If the directory lies beyond them, the kind stays unknown.
 * @returns `application/x-cfb` for other kinds, including everything that Office encrypts with a password.
 * @see https://learn.microsoft.com/en-us/openspecs/windows_protocols/ms-cfb/
 */
export function compoundTypeOf(head: Uint8Array): string {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (head.byteLength < HEADER_BYTES) return CONTAINER_MEDIA_TYPE;
  const sectorBytes = view.getUint16(SECTOR_SHIFT, true) === 12 ? 4096 : 512;
  const entries = entriesOf(view, sectorBytes);
  const root = entries[0];
  const waiting = root === undefined ? [] : [root.getUint32(CHILD, true)];
  const seen = new Set<number>();
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    const entry = entries[id];
    if (entry === undefined || seen.has(id)) continue;
    seen.add(id);
    const type = TYPES.get(nameOf(entry));
    if (type !== undefined) return type;
    waiting.push(entry.getUint32(LEFT, true), entry.getUint32(RIGHT, true));
  }
  return CONTAINER_MEDIA_TYPE;
}

/** The directory entries, as far as the head goes. */
function entriesOf(view: DataView, sectorBytes: number): DataView[] {
  const entries: DataView[] = [];
  let sector = view.getUint32(DIRECTORY_START, true);
  for (let i = 0; i < MAX_SECTORS; i++) {
    const start = (sector + 1) * sectorBytes;
    if (start + sectorBytes > view.byteLength) break;
    for (let at = start; at < start + sectorBytes; at += ENTRY_BYTES) {
      entries.push(new DataView(view.buffer, view.byteOffset + at, ENTRY_BYTES));
    }
    const next = nextSector(view, sector, sectorBytes);
    if (next === null) break;
    sector = next;
  }
  return entries;
}

/** Looks in the allocation table. The header lists its first 109 sectors. */
function nextSector(view: DataView, sector: number, sectorBytes: number): number | null {
  const perSector = sectorBytes / 4;
  const named = TABLE_SECTORS + Math.floor(sector / perSector) * 4;
  if (named + 4 > HEADER_BYTES) return null;
  const at = (view.getUint32(named, true) + 1) * sectorBytes + (sector % perSector) * 4;
  return at + 4 > view.byteLength ? null : view.getUint32(at, true);
}

/** UTF-16. The stored length is in bytes and includes the final NUL. */
function nameOf(entry: DataView): string {
  const bytes = Math.min(Math.max(entry.getUint16(NAME_LENGTH, true) - 2, 0), NAME_LENGTH - 2);
  return new TextDecoder("utf-16le").decode(new Uint8Array(entry.buffer, entry.byteOffset, bytes));
}
