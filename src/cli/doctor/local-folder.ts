import { existsSync, statSync } from "node:fs";
import { access, constants, rmdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { OWN_FOLDER } from "../../domain/object-key.ts";
import type { Finding } from "./check.ts";

/** Whether a folder may still have to be made, or never can be. @returns `null` if it is there. */
export async function lookForFolder(path: string): Promise<Finding | null> {
  const folder = resolve(path);
  if (existsSync(folder)) {
    if (statSync(folder).isDirectory()) return null;
    const advice = "correct FILE_STORAGE_PATH, or move the file away";
    return { status: "fail", text: `${folder} is a file, not a folder`, advice };
  }
  let above = dirname(folder);
  while (!existsSync(above) && dirname(above) !== above) above = dirname(above);
  try {
    await access(above, constants.W_OK | constants.X_OK);
    return { status: "ok", text: "the folder is not there yet: the first start makes it" };
  } catch {
    return {
      status: "fail",
      text: `the folder is not there and cannot be made: ${above} is not writable`,
      advice: `make ${folder} and give it to the user that runs stowage, or correct FILE_STORAGE_PATH`,
    };
  }
}

/** Remember which folders of ours are there. @returns What removes the others again, if they are empty. */
export function rememberFolders(path: string): () => Promise<void> {
  const own = join(resolve(path), OWN_FOLDER);
  const missing = [join(own, "tmp"), own].filter((folder) => !existsSync(folder));
  return async () => {
    for (const folder of missing) await rmdir(folder).catch(() => {});
  };
}
