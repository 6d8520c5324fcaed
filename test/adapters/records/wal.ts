import { readFile } from "node:fs/promises";

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;

/**
 * The number of transactions committed to the database at `path` since its log was started: the commit frames of the
 * log.
 *
 * @see https://www.sqlite.org/fileformat2.html#the_write_ahead_log
 */
export async function countCommits(path: string): Promise<number> {
  const log = await readFile(`${path}-wal`);
  if (log.length === 0) return 0;
  const frameBytes = FRAME_HEADER_BYTES + log.readUInt32BE(8);
  const salts = log.subarray(16, 24);
  let commits = 0;
  for (let at = HEADER_BYTES; at + frameBytes <= log.length; at += frameBytes) {
    // A frame of an older log that is being overwritten has other salts.
    if (!log.subarray(at + 8, at + 16).equals(salts)) break;
    if (log.readUInt32BE(at + 4) > 0) commits++;
  }
  return commits;
}
