import { Child, type ChildOptions } from "./child.ts";
import type { ReadyMessage } from "./protocol.ts";

/**
 * Ask an extraction process what it can run, and what came of the modules of its command line. They are
 * loaded there, under its limits, and nowhere else.
 *
 * @throws {StowageError} `extractor_unavailable` if it does not live to tell.
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
