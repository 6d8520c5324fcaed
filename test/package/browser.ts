// What an application in a browser would write. It is compiled, never run.
import { createClient, StowageApiError, type Upload, type UploadProgress } from "stowage/client";

const client = createClient({ baseUrl: "/files", credentials: "same-origin" });

export async function send(file: File, show: (progress: UploadProgress) => void): Promise<Upload> {
  const stop = new AbortController();
  try {
    return await client.upload(file, { onProgress: show, signal: stop.signal });
  } catch (error) {
    if (error instanceof StowageApiError && error.code === "quota_exceeded")
      show({ sentBytes: 0, totalBytes: null });
    throw error;
  }
}

export async function read(id: string): Promise<Blob> {
  for await (const event of client.events(id)) if (event.status === "failed") break;
  const answer = await client.download(id, { range: { start: 0, end: 10 } });
  // @ts-expect-error An id is text.
  void client.get(1);
  return await answer.blob();
}
