import { setFlagsFromString } from "node:v8";

/**
 * Keep V8's young generation as small as it is at the start of a process. To be called before the rest of
 * the program is loaded: what has grown stays.
 *
 * It would grow to 16 MiB, within which every chunk of every body waits, 64 KiB each outside the heap, to be
 * found dead. Kept small it is swept more often and more cheaply: a large upload took 10 MiB of memory
 * instead of 78 MiB, and a third less time (measured with `npm run bench`).
 */
export function keepYoungGenerationSmall(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
}
