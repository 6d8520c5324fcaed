import {
  concatBytes,
  isStowageError,
  type MultipartGroup,
  type ObjectKey,
  readBody,
  type StorageDriver,
  type StoredPart,
  StowageError,
} from "../../src/driver.ts";

/** Longer bodies go in parts of this length. */
export const PART_BYTES = 1000;

/** What a test does to a storage that keeps parts. */
export interface MultipartFaults {
  /** Before each part; may wait, or throw. */
  part?: (number: number) => void | Promise<void>;
  /** Before all parts become an object. */
  complete?: () => void | Promise<void>;
  abort?: () => void;
  /** `false`: it lists no uploads. */
  mayList?: boolean;
}

/**
 * A driver with parts, over one without: what S3 does, in a map. The memory driver's put, with bodies over
 * {@link PART_BYTES} sent in parts.
 */
export function withMultipart(inner: StorageDriver, faults: MultipartFaults = {}) {
  const uploads = new Map<string, { key: ObjectKey; parts: Map<number, Uint8Array> }>();
  const find = (id: string) => {
    const upload = uploads.get(id);
    if (upload !== undefined) return upload;
    throw new StowageError("object_not_found", "Cannot find multipart upload: it has ended");
  };
  let created = 0;
  const multipart: MultipartGroup = {
    async create(key) {
      created += 1;
      const id = `multipart-${created}`;
      uploads.set(id, { key, parts: new Map() });
      return id;
    },
    async putPart(_key, id, number, body, options) {
      await faults.part?.(number);
      const chunks: Uint8Array[] = [];
      for await (const chunk of readBody(body, options?.signal)) chunks.push(chunk);
      const bytes = concatBytes(chunks).slice();
      find(id).parts.set(number, bytes);
      return { number, sizeBytes: bytes.byteLength, version: `${number}` };
    },
    async listParts(_key, id) {
      return [...find(id).parts].map(([number, bytes]) => ({
        number,
        sizeBytes: bytes.byteLength,
        version: `${number}`,
      }));
    },
    async complete(key, id, parts) {
      await faults.complete?.();
      const held = find(id).parts;
      const bytes = concatBytes(parts.map(({ number }) => held.get(number) ?? new Uint8Array()));
      uploads.delete(id);
      return await inner.put(key, { kind: "bytes", bytes });
    },
    async abort(_key, id) {
      faults.abort?.();
      uploads.delete(id);
    },
    async listUploads() {
      const found = [...uploads].map(([uploadId, { key }]) => ({ key, uploadId, startedAt: 0 }));
      return { uploads: found, next: null };
    },
  };
  const put: StorageDriver["put"] = async (key, body, options = {}) => {
    const buffer: Uint8Array[] = [];
    for await (const chunk of readBody(body, options.signal)) buffer.push(chunk);
    const bytes = concatBytes(buffer);
    if (bytes.byteLength <= PART_BYTES) return await inner.put(key, { kind: "bytes", bytes });
    const id = await multipart.create(key, options);
    try {
      await options.onMultipart?.(id);
      const parts: StoredPart[] = [];
      for (let start = 0; start < bytes.byteLength; start += PART_BYTES) {
        const part = { kind: "bytes", bytes: bytes.subarray(start, start + PART_BYTES) } as const;
        parts.push(await multipart.putPart(key, id, parts.length + 1, part, options));
      }
      return await multipart.complete(key, id, parts, options);
    } catch (error) {
      await multipart.abort(key, id).catch(() => {});
      if (!isStowageError(error, "object_not_found")) throw error;
      throw new StowageError("storage_unavailable", "Cannot store object: its parts were removed");
    }
  };
  return {
    faults,
    /** The verbs and groups that make `inner` a driver with parts. */
    verbs: {
      put,
      multipart,
      leftovers: {
        async remove(which) {
          if (faults.mayList === false) return 0;
          // None is as old as what a sweep looks for.
          const gone = [...uploads].filter(([, { key }]) => "key" in which && key === which.key);
          for (const [id] of gone) uploads.delete(id);
          return gone.length;
        },
      },
    } satisfies Partial<StorageDriver>,
    /** Ids of the uploads whose parts are kept, begun and not ended. */
    open: () => [...uploads.keys()],
  };
}
