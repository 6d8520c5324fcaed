/** An extraction process that was taken over: says it is ready, and then whatever its argument names. */
import { closeSync, writeSync } from "node:fs";
import {
  type ChildMessage,
  encodeMessage,
  type FrameKind,
  frameBytes,
} from "../../../src/adapters/extractor/protocol.ts";
import { BUILT_IN_PROCESSORS } from "../../../src/runtime/modules/built-in-processors.ts";

const READY: ChildMessage = {
  type: "ready",
  processors: [
    ...BUILT_IN_PROCESSORS.map(({ name, version, accepts }) => ({ name, version, accepts })),
    { name: "hostile", version: "1", accepts: ["text/x-hostile"] },
  ],
  modules: [],
  usage: { cpuMs: 1, rssBytes: 1 },
};

const LIES: Record<string, () => void> = {
  "too much text": () => {
    for (let i = 0; i < 10; i += 1) send("data", new Uint8Array(200_000));
  },
  "ready once more": () => say(READY),
  "an end": () => send("end", new Uint8Array(0)),
  "a huge frame": () => writeSync(1, Uint8Array.of(0xf6, 0xff, 0xff, 0xff, 0xff)),
  "no JSON": () => send("message", new Uint8Array(3)),
  "a thousand and one log lines": () => {
    for (let i = 0; i < 1001; i += 1)
      say({ type: "log", level: "info", event: "a.lie", fields: {} });
  },
  silence: () => closeSync(1),
};

function send(kind: FrameKind, payload: Uint8Array): void {
  for (const bytes of frameBytes(kind, payload)) writeSync(1, bytes);
}

function say(message: ChildMessage): void {
  send("message", encodeMessage(message));
}

say(READY);
process.stdin.once("data", () => LIES[process.argv[2] ?? ""]?.());
