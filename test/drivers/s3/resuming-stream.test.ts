import { describe, expect, test } from "vitest";
import { pattern } from "../../../drivers/conformance/sources.ts";
import { resumingStream } from "../../../drivers/s3/resuming-stream.ts";
import { StowageError } from "../../../src/driver.ts";

const BYTES = pattern(1000);

/** An answer's body: these chunks, and a proper end or an error. */
function bodyOf(chunks: readonly Uint8Array[], error?: Error): ReadableStream<Uint8Array> {
  const rest = [...chunks];
  return new ReadableStream({
    pull(controller) {
      const next = rest.shift();
      if (next !== undefined) controller.enqueue(next);
      else if (error !== undefined) controller.error(error);
      else controller.close();
    },
  });
}

async function read(stream: ReadableStream<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe("resumingStream()", () => {
  const range = { start: 100, end: 900 };
  const expected = Buffer.from(BYTES.subarray(100, 900));

  test("takes up bodies that end properly but too early, empty chunks among them", async () => {
    const starts: number[] = [];
    const resume = async (start: number) => {
      starts.push(start);
      const end = Math.min(start + 300, 900);
      return bodyOf([new Uint8Array(0), BYTES.subarray(start, end), new Uint8Array(0)]);
    };
    const options = { range, resume, signal: undefined };
    const stream = resumingStream(bodyOf([BYTES.subarray(100, 101)]), options);
    expect(await read(stream)).toEqual(expected);
    expect(starts).toEqual([101, 401, 701]);
  });

  test("gives up with the last trouble when an answer brings nothing", async () => {
    for (const trouble of [undefined, new StowageError("storage_timeout", "Cannot read")]) {
      const starts: number[] = [];
      const resume = async (start: number) => {
        starts.push(start);
        return bodyOf([], trouble);
      };
      const body = bodyOf([BYTES.subarray(100, 101)]);
      const stream = resumingStream(body, { range, resume, signal: undefined });
      const code = trouble?.code ?? "storage_unavailable";
      await expect(read(stream)).rejects.toMatchObject({ code });
      expect(starts).toEqual([101]);
    }
  });

  test("fails with what resuming fails with, at once", async () => {
    const gone = new StowageError("object_not_found", "Cannot read");
    const resume = () => Promise.reject(gone);
    const body = bodyOf([BYTES.subarray(100, 101)]);
    const stream = resumingStream(body, { range, resume, signal: undefined });
    await expect(read(stream)).rejects.toBe(gone);
  });

  test("hands out no byte beyond the range", async () => {
    const resume = () => Promise.reject(new Error("It resumed"));
    for (const chunks of [
      [BYTES.subarray(100, 901)],
      [BYTES.subarray(100, 900), BYTES.subarray(900, 901)],
    ]) {
      const stream = resumingStream(bodyOf(chunks), { range, resume, signal: undefined });
      let received = 0;
      const reading = (async () => {
        for await (const chunk of stream) received += chunk.byteLength;
      })();
      await expect(reading).rejects.toMatchObject({ code: "storage_unavailable" });
      expect(received).toBeLessThanOrEqual(800);
    }
  });

  test("does not mind how a connection ends behind the last byte", async () => {
    const resume = () => Promise.reject(new Error("It resumed"));
    const body = bodyOf([BYTES.subarray(100, 900)], new Error("ECONNRESET"));
    expect(await read(resumingStream(body, { range, resume, signal: undefined }))).toEqual(
      expected,
    );
  });

  test("does not resume for a caller who gave up", async () => {
    const controller = new AbortController();
    const resume = () => Promise.reject(new Error("It resumed"));
    const body = bodyOf([BYTES.subarray(100, 200)], new Error("aborted"));
    const stream = resumingStream(body, { range, resume, signal: controller.signal });
    const reader = stream.getReader();
    await reader.read();
    controller.abort();
    await expect(reader.read()).rejects.toMatchObject({ code: "request_aborted" });
  });
});
