import memory from "../../drivers/memory.ts";
import { defineDriver, readBody, type streamBytes, z } from "../../src/driver.ts";

/** A storage that keeps of its objects how long they are, and counts the bytes that come and go. */
export function countingDriver() {
  const cancelled = Promise.withResolvers<void>();
  const putFailed = Promise.withResolvers<void>();
  const counts = { put: 0, got: 0, cancelled: cancelled.promise, putFailed: putFailed.promise };
  const waiting: { readonly bytes: number; readonly resolve: () => void }[] = [];
  const count = (bytes: number): void => {
    counts.put += bytes;
    for (const { bytes, resolve } of waiting) if (counts.put >= bytes) resolve();
  };
  const definition = defineDriver({
    name: "counting",
    options: z.looseObject({}),
    async create(_options, context) {
      const inner = await memory.open({}, context);
      const sizes = new Map<string, number>();
      return {
        ...inner,
        async put(key, body, options = {}) {
          if (key.startsWith(".stowage/")) return await inner.put(key, body, options);
          let size = 0;
          try {
            for await (const chunk of readBody(body, options.signal)) {
              size += chunk.byteLength;
              count(chunk.byteLength);
            }
          } catch (error) {
            putFailed.resolve();
            throw error;
          }
          sizes.set(key, size);
          const marker = { kind: "bytes" as const, bytes: new Uint8Array(0) };
          return { ...(await inner.put(key, marker, options)), sizeBytes: size };
        },
        async get(key, options = {}) {
          const size = sizes.get(key);
          if (size === undefined) return await inner.get(key, options);
          const object = { ...(await inner.get(key)).object, sizeBytes: size };
          const range = options.range ?? { start: 0, end: size };
          let left = range.end - range.start;
          const stream = new ReadableStream<Uint8Array>(
            {
              pull(controller) {
                const chunk = new Uint8Array(Math.min(65_536, left));
                left -= chunk.byteLength;
                counts.got += chunk.byteLength;
                if (chunk.byteLength === 0) controller.close();
                else controller.enqueue(chunk);
              },
              cancel: () => cancelled.resolve(),
            },
            { highWaterMark: 0 },
          );
          return { object, range, stream: stream as ReturnType<typeof streamBytes> };
        },
        async head(key, options) {
          const object = await inner.head(key, options);
          return object && { ...object, sizeBytes: sizes.get(key) ?? object.sizeBytes };
        },
      };
    },
  });
  /** Resolves once so many bytes of files have come. */
  const received = async (bytes: number): Promise<void> => {
    if (counts.put >= bytes) return;
    await new Promise<void>((resolve) => waiting.push({ bytes, resolve }));
  };
  return { definition, counts, received };
}
