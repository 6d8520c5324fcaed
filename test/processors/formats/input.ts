import type { ProcessorInput } from "../../../src/processor.ts";

/** A document as a processor gets it, in chunks that cut characters in two. */
export function inputOf(bytes: Uint8Array, contentType = "application/zip"): ProcessorInput {
  return {
    contentType,
    extension: "",
    sizeBytes: bytes.byteLength,
    async *stream() {
      for (let at = 0; at < bytes.byteLength; at += 7) yield bytes.subarray(at, at + 7);
    },
    bytes: async () => new Uint8Array(bytes),
    text: () => Promise.reject(new Error("no reader of text asks for text")),
  };
}
