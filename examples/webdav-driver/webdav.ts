import * as stowage from "stowage/driver";
import { DavClient, failure, versionOf } from "./dav.ts";

const LIMITS: stowage.DriverLimits = {
  ...{ maxObjectBytes: null, maxKeyBytes: 1024, maxSegmentBytes: 255, maxDeleteKeys: 100 },
  // A server looks whether a name is free and takes it a moment later: of two writers both may win.
  ...{ needsKnownLength: false, atomicIfNoneMatch: false, listOrder: "bytes", parts: null },
};
const { z } = stowage;

/** Files of a WebDAV server: `webdav:uploads?url=https://nas.example/dav`, or `WEBDAV_URL` for the url. */
export default stowage.defineDriver({
  name: "webdav",
  options: z.strictObject({ url: z.url().optional(), path: z.string().default("") }),
  create({ url, path }, { fetch, random, host }) {
    const server = url ?? host?.env["WEBDAV_URL"];
    if (!server) throw failure("storage_misconfigured", "no url is given (set WEBDAV_URL)");
    const authorization = host?.env["WEBDAV_AUTHORIZATION"] ?? "";
    const dav = new DavClient({ server, path, authorization }, fetch);
    const driver: Omit<stowage.StorageDriver, "name"> = {
      limits: LIMITS,
      async put(key, body, { signal, ifNoneMatch } = {}) {
        const headers: Record<string, string> = ifNoneMatch ? { "if-none-match": "*" } : {};
        await dav.makeFolder(key.slice(0, key.lastIndexOf("/") + 1));
        await dav.send("PUT", key, { headers, body: stowage.readBody(body, signal), signal });
        return await found(dav.find(key));
      },
      async get(key, { range, ifMatch, signal } = {}) {
        const object = await found(dav.find(key, signal));
        const bytes = range && { range: `bytes=${range.start}-${range.end - 1}` };
        const headers = { "accept-encoding": "identity", ...bytes };
        const answer = await dav.send("GET", key, { headers, signal });
        const version = versionOf(answer.headers.get("etag"));
        if (version !== object.version || version !== (ifMatch ?? version)) {
          await answer.body?.cancel();
          throw failure("object_changed", "another file has its name now");
        }
        if (range && answer.status !== 206) {
          await answer.body?.cancel();
          throw failure("unsupported_option", "the server knows no ranges");
        }
        const stream = answer.body ?? stowage.streamBytes(new Uint8Array());
        return { object, range: range ?? { start: 0, end: object.sizeBytes }, stream };
      },
      head: (key, { signal } = {}) => dav.find(key, signal),
      async delete(keys, { signal } = {}) {
        const failures: { key: stowage.ObjectKey; error: unknown }[] = [];
        for (const key of keys) {
          try {
            // Asked first: DELETE would take a folder with all that it holds (RFC 4918, 9.6.1).
            if (await dav.find(key, signal))
              await dav.send("DELETE", key, { signal, accept: [404] });
          } catch (error) {
            if (stowage.isAbort(error)) throw error;
            failures.push({ key, error });
          }
        }
        return { failures };
      },
      async list(prefix, { signal, cursor = "", limit = 1000 } = {}) {
        const objects: stowage.StoredObject[] = [];
        for await (const object of dav.walk(prefix, cursor, signal)) {
          if (objects.length === limit) return { objects, next: objects.at(-1)?.key ?? null };
          objects.push(object);
        }
        return { objects, next: null };
      },
      check: (options) => stowage.probeDriver(driver, random, options),
    };
    return driver;
  },
});

async function found<Entry>(finding: Promise<Entry | null>): Promise<Entry> {
  const entry = await finding;
  if (entry === null) throw failure("object_not_found", "nothing is stored there");
  return entry;
}
