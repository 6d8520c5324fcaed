import { statfs } from "node:fs/promises";
import process from "node:process";
import { formatSize } from "../format.ts";
import type { Finding } from "./check.ts";

/** Filesystems that other machines can change, by `f_type`. @see https://man7.org/linux/man-pages/man2/statfs.2.html */
const NETWORK: Readonly<Record<number, string>> = {
  26985: "NFS",
  20859: "SMB",
  4283649346: "CIFS",
  4266872130: "SMB",
  16914839: "9P, as Windows folders under WSL are",
  1397113167: "AFS",
  12805120: "Ceph",
  198183888: "Lustre",
  1196443219: "GPFS",
  1702057286: "FUSE, as sshfs, s3fs and shared folders of Docker Desktop are",
};

/** Below this share of free space a disk counts as nearly full. */
const SCARCE_SHARE = 0.05;

/** Records, temp files and SQLite's own files need some space. */
const LEAST_FREE_BYTES = 16 * 2 ** 20;

/** An upload is a file in its own folder, and a temp file while it arrives. */
const LEAST_FREE_INODES = 1000;

/** The name of a network filesystem; `null` for a local one, and where it cannot be determined. */
export function networkFilesystem(type: number): string | null {
  return process.platform === "linux" ? (NETWORK[type >>> 0] ?? null) : null;
}

/** The name of the filesystem of `path`, if it is a network filesystem. */
export async function findNetworkFilesystem(path: string): Promise<string | null> {
  return networkFilesystem((await statfs(path)).type);
}

/**
 * How much space is free on the filesystem of `path`.
 *
 * @param maxUploadBytes The largest file that is accepted there; `null` where no files are stored.
 */
export async function* spaceFindings(
  path: string,
  maxUploadBytes: number | null,
): AsyncIterable<Finding> {
  const { bavail, blocks, bsize, ffree, files } = await statfs(path);
  const free = bavail * bsize;
  const share = blocks === 0 ? 1 : bavail / blocks;
  const space = `${formatSize(free)} of ${formatSize(blocks * bsize)} free`;
  const cleanUp = "free some space, or enlarge the disk; to see what uses it: du -xh";
  if (free < LEAST_FREE_BYTES) {
    const text = `the disk is full: ${space}, and uploads will be refused with 507`;
    yield { status: "fail", text, advice: cleanUp };
  } else if (share < SCARCE_SHARE) {
    const text = `the disk is nearly full: ${space} (${percent(share)})`;
    yield { status: "warn", text, advice: cleanUp };
  } else if (maxUploadBytes !== null && free < maxUploadBytes) {
    yield {
      status: "warn",
      text: `${space}: a file of MAX_UPLOAD_BYTES (${formatSize(maxUploadBytes)}) would not fit`,
      advice: `set MAX_UPLOAD_BYTES=${Math.floor(free / 2 / 2 ** 20)}MiB, or free some space`,
    };
  } else yield { status: "ok", text: `${space} (${percent(share)})` };
  yield* inodeFindings(files, ffree);
}

/** Filesystems without a fixed number of inodes (btrfs, zfs) report 0 of 0. */
function* inodeFindings(files: number, free: number): Iterable<Finding> {
  if (files === 0) return;
  const scarce = free < LEAST_FREE_INODES;
  if (!scarce && free / files >= SCARCE_SHARE) return;
  yield {
    status: free < 8 ? "fail" : "warn",
    text: `the disk has inodes for only ${free} more files (${files} in total): each upload needs three`,
    advice:
      "delete files, or create a filesystem with more inodes (mkfs.ext4 -N); to count them: df -i",
  };
}

function percent(share: number): string {
  return `${Math.floor(share * 100)} %`;
}
