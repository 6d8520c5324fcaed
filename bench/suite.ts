import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Report } from "./report.ts";
import type { ServerProcess } from "./server-process.ts";

/** As `npm start` and the bin have it. */
export const STOWAGE_FLAGS = ["--max-semi-space-size=4"] as const;

/** How much, how often and where. */
export interface Options {
  readonly rounds: number;
  /** Of one turn. */
  readonly seconds: number;
  /** Of a large file. */
  readonly largeMib: number;
  /** Small uploads in one turn. */
  readonly small: number;
  /** How many uploads the records hold. */
  readonly records: number;
  /** Where files are kept meanwhile. */
  readonly folder: string;
}

export interface Suite {
  readonly name: string;
  /** The contenders, for the reader of the figures. */
  readonly about: string;
  /** What it can measure, in this order. */
  readonly scenarios: readonly string[];
  /** @param wanted Some of `scenarios`, at least one. */
  run(wanted: ReadonlySet<string>, options: Options, report: Report): Promise<void>;
}

/** Servers and folders of one suite, gone at its end. */
export class Scene {
  readonly #folder: string;
  readonly #ends: (() => Promise<unknown>)[] = [];

  constructor(folder: string) {
    this.#folder = folder;
  }

  async folder(): Promise<string> {
    const folder = await mkdtemp(join(this.#folder, "stowage-bench-"));
    this.afterwards(() => rm(folder, { recursive: true, force: true }));
    return folder;
  }

  async add(starting: Promise<ServerProcess>): Promise<ServerProcess> {
    const server = await starting;
    this.afterwards(() => server.stop());
    return server;
  }

  afterwards(work: () => Promise<unknown>): void {
    this.#ends.push(work);
  }

  async end(): Promise<void> {
    for (const end of this.#ends.toReversed()) await end();
  }
}
