/** Where all contenders go. */
export interface Place {
  /** `http://127.0.0.1:9000`; the bucket comes in the path. */
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly bucket: string;
}

/** One way of speaking to S3. Each runs in a process of its own and exports an `open`. */
export interface Contender {
  put(key: string, bytes: Uint8Array): Promise<unknown>;
  /** Read an object to its end. @returns How many bytes came. */
  get(key: string): Promise<number>;
  /** Store `stream`, whose length is not given. */
  putStream(key: string, stream: AsyncIterable<Uint8Array>): Promise<unknown>;
}

export type Open = (place: Place) => Promise<Contender>;

/** Our driver's default, for contenders where it can be set. */
export const PART_BYTES = 8 * 2 ** 20;
export const PARTS_IN_FLIGHT = 4;

export async function countBytes(stream: AsyncIterable<Uint8Array>): Promise<number> {
  let bytes = 0;
  for await (const chunk of stream) bytes += chunk.byteLength;
  return bytes;
}
