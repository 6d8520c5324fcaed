import { Child, type ChildOptions } from "./child.ts";
import type { ReadyMessage } from "./protocol.ts";

/**
 * Ask an extraction process what it can run, and how the modules on its command line loaded. They are loaded
 * only there, under its limits.
 *
 * @throws {StowageError} `extractor_unavailable` if the process does not start.
 */
export async function readCatalogue(
  options: Omit<ChildOptions, "processors">,
): Promise<ReadyMessage> {
  const { signal } = new AbortController();
  const child = await Child.start({ ...options, processors: [] }, signal);
  child.kill();
  await child.ended;
  return child.offer;
}
