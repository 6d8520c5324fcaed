/** Reads from memory like ours: the document is sent through a pipe. */
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import type { Open } from "../contender.ts";

export const open: Open = async () => ({
  async read({ bytes }) {
    const child = spawn("pdftotext", ["-", "-"], { stdio: ["pipe", "pipe", "inherit"] });
    const ended = new Promise((resolve) => child.once("close", resolve));
    child.stdin.end(bytes);
    const found = await text(child.stdout);
    await ended;
    return found;
  },
  async close() {},
});
