import { Agent, request } from "undici";
import { countBytes, type Open } from "../contender.ts";
import { bareContender } from "../presigned.ts";

export const open: Open = async (place) => {
  const dispatcher = new Agent();
  return bareContender(place, async (url, body) => {
    const method = body === null ? "GET" : "PUT";
    const answer = await request(url, { method, body, dispatcher });
    if (answer.statusCode !== 200) throw new Error(`${answer.statusCode} to ${method}`);
    return await countBytes(answer.body);
  });
};
