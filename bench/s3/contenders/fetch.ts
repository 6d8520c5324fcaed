import { countBytes, type Open } from "../contender.ts";
import { bareContender } from "../presigned.ts";

export const open: Open = async (place) =>
  bareContender(place, async (url, body) => {
    const method = body === null ? "GET" : "PUT";
    const answer = await fetch(url, {
      method,
      body: body as Uint8Array<ArrayBuffer> | null,
      redirect: "error",
    });
    if (!answer.ok) throw new Error(`${answer.status} to ${method}`);
    return answer.body === null ? 0 : await countBytes(answer.body);
  });
