import { ServerResponse } from "node:http";
import local from "../../drivers/fs.ts";
import { defineDriver, type StorageDriver, z } from "../../src/driver.ts";

/** The local driver in a server that dies as soon as an upload has come as far as `DIE_AT` says. */
const dieAt = process.env["DIE_AT"];

function reached(point: string): void {
  if (point === dieAt) process.kill(process.pid, "SIGKILL");
}

// Nothing of a 201 leaves a server before its record is committed.
const { writeHead } = ServerResponse.prototype;
ServerResponse.prototype.writeHead = function (this: ServerResponse, ...args: unknown[]) {
  if (args[0] === 201) reached("after_commit");
  return Reflect.apply(writeHead, this, args) as ServerResponse;
} as typeof writeHead;

export default defineDriver({
  name: "dying",
  options: z.strictObject({ path: z.string() }),
  async create({ path }, context): Promise<Omit<StorageDriver, "name">> {
    const driver = await local.open({ path }, context);
    return {
      ...driver,
      async put(key, body, options) {
        const isUpload = !key.startsWith(".stowage/");
        if (isUpload) reached("after_reserve");
        const stored = await driver.put(key, body, options);
        if (isUpload) reached("after_put");
        return stored;
      },
    };
  },
});
