import { statfs } from "node:fs/promises";
import process from "node:process";
import { amount } from "./amount.ts";
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

/** What is left on a nearly full disk goes faster than anybody looks. */
const SCARCE_SHARE = 0.05;

/** Records, temp files and SQLite's own files want some room. */
const LEAST_FREE_BYTES = 16 * 2 ** 20;

/** An upload is a file in a folder of its own; while it is arriving there is a temp file too. */
const LEAST_FREE_INODES = 1000;

/** How a filesystem over the network is called; `null` for one of this machine, and where it cannot be told. */
export function networkFilesystem(type: number): string | null {
  return process.platform === "linux" ? (NETWORK[type >>> 0] ?? null) : null;
}

/** The name of the filesystem that `path` lies on, if other machines can change it. */
export async function findNetworkFilesystem(path: string): Promise<string | null> {
  return networkFilesystem((await statfs(path)).type);
}

/**
 * How much room there is on the filesystem of `path`.
 *
 * @param maxUploadBytes The largest file that is accepted there; `null` where no files are.
 */
export async function* spaceFindings(
  path: string,
  maxUploadBytes: number | null,
): AsyncIterable<Finding> {
  const { bavail, blocks, bsize, ffree, files } = await statfs(path);
  const free = bavail * bsize;
  const share = blocks === 0 ? 1 : bavail / blocks;
  const room = `${amount(free)} of ${amount(blocks * bsize)} are free`;
  const cleanUp = "delete what is not needed, or enlarge the disk; what takes the room: du -xh";
  if (free < LEAST_FREE_BYTES) {
    const text = `the disk is full: ${room}, and uploads will be refused with 507`;
    yield { status: "fail", text, advice: cleanUp };
  } else if (share < SCARCE_SHARE) {
    const text = `the disk is nearly full: ${room} (${percent(share)})`;
    yield { status: "warn", text, advice: cleanUp };
  } else if (maxUploadBytes !== null && free < maxUploadBytes) {
    yield {
      status: "warn",
      text: `${room}: a file of MAX_UPLOAD_BYTES (${amount(maxUploadBytes)}) is promised, and would not fit`,
      advice: `set MAX_UPLOAD_BYTES=${Math.floor(free / 2 / 2 ** 20)}MiB, or make room`,
    };
  } else yield { status: "ok", text: `${room} (${percent(share)})` };
  yield* inodeFindings(files, ffree);
}

/** Some filesystems (btrfs, zfs) have no fixed number, and say 0 of 0. */
function* inodeFindings(files: number, free: number): Iterable<Finding> {
  if (files === 0) return;
  const scarce = free < LEAST_FREE_INODES;
  if (!scarce && free / files >= SCARCE_SHARE) return;
  yield {
    status: free < 8 ? "fail" : "warn",
    text: `the disk can take only ${free} more files (${files} at most, however small): each upload takes three`,
    advice:
      "delete files, or make a filesystem with more inodes: mkfs.ext4 -N; to count them: df -i",
  };
}

function percent(share: number): string {
  return `${Math.floor(share * 100)} %`;
}
