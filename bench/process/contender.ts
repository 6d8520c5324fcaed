import type { BenchDocument } from "./corpus.ts";

/** One way of reading documents. Each runs in a separate process and exports `open`. */
export interface Contender {
  /** @returns The text of `document`. */
  read(document: BenchDocument): Promise<string>;
  close(): Promise<void>;
}

/** @param lanes How many documents are read at once. */
export type Open = (lanes: number, documents: readonly BenchDocument[]) => Promise<Contender>;
