import { chmodSync, chownSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { networkFilesystem } from "../../../src/cli/doctor/filesystem.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { findings, findingsAs, mayActAsRoot, mount, settings, troubles, useOnce } from "./scene.ts";

const AS_NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

/** A folder whose way there everyone may go. */
function publicFolder(): string {
  const folder = tempFolder();
  chmodSync(folder, 0o755);
  return folder;
}

describe("stowage doctor on a folder", () => {
  it("warns where everyone may look into it, and where everyone may replace files", async () => {
    const env = settings(publicFolder());
    mkdirSync(env.FILE_STORAGE_PATH);
    const path = env.FILE_STORAGE_PATH;
    chmodSync(path, 0o755);
    const advice = `chmod o-rwx ${path}`;
    expect(troubles(await findings(env))).toEqual([
      {
        check: `Storage local:${path}`,
        status: "warn",
        advice,
        text: "every user of this machine may read the files (mode 755)",
      },
    ]);
    chmodSync(path, 0o777);
    expect(troubles(await findings(env))).toMatchObject([
      { text: "every user of this machine may read, replace and delete the files (mode 777)" },
    ]);
    chmodSync(path, 0o750);
    expect(troubles(await findings(env))).toEqual([]);
  });

  it("minds no mode below a folder that no one else may enter", async () => {
    const env = settings(tempFolder());
    mkdirSync(env.FILE_STORAGE_PATH, { mode: 0o755 });
    chmodSync(env.FILE_STORAGE_PATH, 0o777);
    expect(troubles(await findings(env))).toEqual([]);
  });

  it("reports a symbolic link, and warns where everyone can change it", async () => {
    const folder = tempFolder();
    const env = settings(folder);
    await useOnce(env);
    renameSync(env.FILE_STORAGE_PATH, join(folder, "real"));
    symlinkSync("real", env.FILE_STORAGE_PATH);
    const text = `${env.FILE_STORAGE_PATH} is a symbolic link to ${join(folder, "real")}`;
    expect(await findings(env)).toContainEqual({
      check: `Storage local:${env.FILE_STORAGE_PATH}`,
      status: "ok",
      text,
    });
    chmodSync(folder, 0o777);
    expect(troubles(await findings(env))).toContainEqual({
      check: `Storage local:${env.FILE_STORAGE_PATH}`,
      status: "warn",
      text: `${text}, in a world-writable folder: anyone can point it elsewhere`,
      advice: `set FILE_STORAGE_PATH=${join(folder, "real")}`,
    });
  });

  it("knows the filesystems that other machines can change by their numbers", () => {
    const names = [0x6969, 0xff534d42, -11317950, 0x65735546, 0xef53].map(networkFilesystem);
    expect(names).toEqual(["NFS", "CIFS", "CIFS", expect.stringContaining("sshfs"), null]);
  });
});

describe.skipIf(!mayActAsRoot("doctor's findings about disks and users"))(
  "stowage doctor on a folder, as other users and on other disks",
  () => {
    it("says whose the folder is, to a user that may not write there", () => {
      const folder = publicFolder();
      const env = settings(folder);
      mkdirSync(env.FILE_STORAGE_PATH);
      const found = troubles(findingsAs(AS_NOBODY, env));
      expect(found).toMatchObject([
        {
          status: "fail",
          text: `user 65534 may not read and write ${env.FILE_STORAGE_PATH}: it belongs to user 0, group 0, mode 755`,
          advice: `give it to the user that runs stowage: sudo chown -R 65534 ${env.FILE_STORAGE_PATH}`,
        },
        { check: `Database ${env["DATABASE_URL"]}`, status: "fail" },
      ]);
    });

    it("says how to make a folder that this user cannot make", () => {
      const env = settings(publicFolder());
      expect(findingsAs(AS_NOBODY, env)).toContainEqual(
        expect.objectContaining({
          text: expect.stringContaining("cannot be created"),
          advice: `create it as root: install -d -o 65534 -m 750 ${env.FILE_STORAGE_PATH}; or correct FILE_STORAGE_PATH`,
        }),
      );
    });

    it("warns root that the folder is another user's", async () => {
      const env = settings();
      mkdirSync(env.FILE_STORAGE_PATH);
      chownSync(env.FILE_STORAGE_PATH, 65534, 65534);
      expect(troubles(await findings(env))).toMatchObject([
        {
          status: "warn",
          text: expect.stringContaining("it belongs to user 65534, but doctor runs as root"),
          advice: "run it as the user that runs stowage: sudo -u '#65534' stowage doctor",
        },
      ]);
    });

    it("reports a filesystem that is mounted read-only", async () => {
      const env = settings();
      mount(["-t", "tmpfs", "-o", "ro", "tmpfs"], env.FILE_STORAGE_PATH);
      expect(troubles(await findings(env))).toMatchObject([
        {
          status: "fail",
          text: expect.stringContaining("is on a read-only filesystem"),
          advice: expect.stringContaining("mount -o remount,rw"),
        },
      ]);
    });

    it("finds a disk mounted inside, where files cannot be moved to", async () => {
      const env = settings();
      const path = env.FILE_STORAGE_PATH;
      mount(["-t", "tmpfs", "tmpfs"], join(path, "acme"));
      chmodSync(path, 0o750);
      expect(troubles(await findings(env))).toMatchObject([
        {
          status: "fail",
          text: expect.stringMatching(/acme is on a separate disk: .* fails across disks/),
          advice: `unmount it (umount ${path}/acme), and mount the disk at ${path} instead`,
        },
      ]);
    });

    it("warns where two spellings of a name are one folder", async () => {
      const env = settings();
      const path = env.FILE_STORAGE_PATH;
      mkdirSync(path);
      mount(["--bind", path], path.replace(/uploads$/, "UPLOADS"));
      expect(troubles(await findings(env))).toMatchObject([
        {
          status: "warn",
          text: expect.stringContaining("ignores case (uploads and UPLOADS are the same)"),
        },
      ]);
    });

    it("compares the room on the disk with what is promised", async () => {
      const env = { ...settings(), MAX_UPLOAD_BYTES: "100MiB" };
      mount(["-t", "tmpfs", "-o", "size=64m,mode=750", "tmpfs"], env.FILE_STORAGE_PATH);
      expect(troubles(await findings(env))).toMatchObject([
        {
          status: "warn",
          text: "64 MiB of 64 MiB free: a file of MAX_UPLOAD_BYTES (100 MiB) would not fit",
          advice: "set MAX_UPLOAD_BYTES=32MiB, or free some space",
        },
      ]);
    });

    it("distinguishes a nearly full disk from a full one", async () => {
      const env = settings();
      const path = env.FILE_STORAGE_PATH;
      mount(["-t", "tmpfs", "-o", "size=400m,mode=750", "tmpfs"], path);
      writeFileSync(join(path, "ballast"), new Uint8Array(381 * 2 ** 20));
      const nearly = troubles(await findings(env));
      expect(nearly).toMatchObject([
        { status: "warn", text: expect.stringMatching(/nearly full: 19(\.\d)? MiB .* \(4 %\)/) },
      ]);
      writeFileSync(join(path, "more"), new Uint8Array(8 * 2 ** 20));
      const full = troubles(await findings(env));
      expect(full).toMatchObject([
        { status: "fail", text: expect.stringMatching(/^the disk is full: 11(\.\d)? MiB .* 507$/) },
      ]);
    });

    it("counts how many files the disk can still take", async () => {
      const env = settings();
      mount(
        ["-t", "tmpfs", "-o", "size=64m,nr_inodes=100,mode=750", "tmpfs"],
        env.FILE_STORAGE_PATH,
      );
      expect(troubles(await findings(env))).toMatchObject([
        {
          status: "warn",
          text: expect.stringMatching(/has inodes for only 99 more files \(100 in total/),
          advice: expect.stringContaining("df -i"),
        },
      ]);
    });
  },
);
