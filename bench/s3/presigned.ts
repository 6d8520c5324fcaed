import { AwsV4Signer } from "aws4fetch";
import { type Contender, PART_BYTES, PARTS_IN_FLIGHT, type Place } from "./contender.ts";

/** Of a stream's parts: enough for all that are under way at once. */
const KEYS = 8;

/** Sends one request to a URL that needs no more signing. @returns How many bytes came back. */
export type SendBare = (url: string, body: Uint8Array | null) => Promise<number>;

/**
 * What is left when nothing is signed, hashed, checked or tried again: the physical limit. Each URL is signed
 * once and then used again and again; a stream goes out as objects of a part's length, which replace each other.
 */
export function bareContender(place: Place, send: SendBare): Contender {
  const urls = new Map<string, Promise<string>>();
  const urlOf = (method: "GET" | "PUT", key: string): Promise<string> => {
    const name = `${method} ${key}`;
    const url = urls.get(name) ?? presign(place, method, key);
    urls.set(name, url);
    return url;
  };
  const put = async (key: string, bytes: Uint8Array) => await send(await urlOf("PUT", key), bytes);
  return {
    put,
    get: async (key) => await send(await urlOf("GET", key), null),
    async putStream(key, stream) {
      const sending: Promise<unknown>[] = [];
      let part = new Uint8Array(PART_BYTES);
      let filled = 0;
      const sendPart = (): void => {
        sending.push(put(`${key}/${sending.length % KEYS}`, part.subarray(0, filled)));
        part = new Uint8Array(PART_BYTES);
        filled = 0;
      };
      for await (const chunk of stream) {
        // The source's chunks divide a part.
        part.set(chunk, filled);
        filled += chunk.byteLength;
        if (filled < PART_BYTES) continue;
        sendPart();
        await sending.at(-PARTS_IN_FLIGHT);
      }
      if (filled > 0) sendPart();
      await Promise.all(sending);
    },
  };
}

async function presign(place: Place, method: string, key: string): Promise<string> {
  const { endpoint, bucket, region, accessKeyId, secretAccessKey } = place;
  const signer = new AwsV4Signer({
    method,
    url: `${endpoint}/${bucket}/${key}?X-Amz-Expires=86400`,
    region,
    accessKeyId,
    secretAccessKey,
    service: "s3",
    signQuery: true,
  });
  return (await signer.sign()).url.href;
}
