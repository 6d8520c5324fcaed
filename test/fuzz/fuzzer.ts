import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { DocsDocument } from "../../src/http/docs/document.ts";
import { type AbusedServer, KEYS, type Row } from "../support/abused-server.ts";
import { render } from "./draft.ts";
import { exchange } from "./exchange.ts";
import { type FuzzCase, makeCase, SLOTS } from "./fuzz-case.ts";
import { type Seed, seedsOf } from "./seeds.ts";
import { shrink } from "./shrink.ts";
import { acknowledgedIn, judge, type Violation } from "./verdict.ts";

export interface FuzzOptions {
  readonly seed: number;
  readonly requests: number;
  /** How many connections at once. */
  readonly connections: number;
  /** Only the case of this number. */
  readonly only?: number;
  /** What the server is started with besides. */
  readonly env?: Readonly<Record<string, string>>;
  readonly progress?: (done: number) => void;
}

/** What was found. */
export interface Finding extends Violation {
  /** The case's number; `null` for what only all of them together have brought about. */
  readonly number: number | null;
  /** The smallest request that does it, as it was sent; after a crash with its ids still to be filled in. */
  readonly request: Buffer | null;
}

export interface FuzzReport {
  readonly findings: readonly Finding[];
  readonly statuses: ReadonlyMap<number, number>;
  readonly requests: number;
  /** How many routes were valid to begin with. */
  readonly seeds: number;
  readonly grownBytes: number;
  readonly grownDescriptors: number;
}

/** More than anything the server keeps on purpose: caches of keys, compiled code, its log's buffers. */
const MAX_GROWTH_BYTES = 16 * 2 ** 20;
const MAX_GROWTH_DESCRIPTORS = 4;
const SHRINK_TRIES = 200;
/** Among the last requests of a server that ended is the one that has ended it. */
const RECENT = 64;
/** A fault that shows often needs no more examples. */
const MAX_FINDINGS = 3;

const LOOK_EVERY = 100;

type Pools = Record<"acme" | "other", string[]>;

/** A case that was sent, and its number. */
export type Sent = FuzzCase & { readonly number: number };

/** One server, and what is sent to it. */
export class Fuzzer {
  /** What was sent last. */
  readonly recent: Sent[] = [];
  readonly #abused: AbusedServer;
  readonly #options: FuzzOptions;
  readonly #pools: Pools = { acme: [], other: [] };
  readonly #cursors = { acme: "", other: "" };
  readonly #findings: Finding[] = [];
  readonly #statuses = new Map<number, number>();
  readonly #acknowledged = new Map<string, string>();
  /** Ids in requests that may have removed what they name. */
  readonly #endangered = new Set<string>();

  constructor(abused: AbusedServer, options: FuzzOptions) {
    this.#abused = abused;
    this.#options = options;
  }

  async run(): Promise<FuzzReport> {
    const { requests, connections, only, progress } = this.#options;
    await this.#prepare();
    const seeds = await this.#validSeeds();
    // Once round, so that what is loaded and cached at first use is there before anything is measured.
    const numbers = only === undefined ? Array.from({ length: requests }, (_, i) => i) : [only];
    const warmUp = only === undefined ? numbers.splice(0, Math.ceil(requests / 10)) : [];
    await this.#sendAll(seeds, warmUp, connections, progress);
    const before = await this.#footprint();
    await this.#sendAll(seeds, numbers, connections, progress);
    const after = await this.#settledAfter(before);
    this.#judgeGrowth(after.heldBytes - before.heldBytes, after.descriptors, before.descriptors);
    await this.#judgeRemains();
    return {
      findings: this.#findings,
      statuses: this.#statuses,
      requests: warmUp.length + numbers.length,
      seeds: seeds.length,
      grownBytes: after.heldBytes - before.heldBytes,
      grownDescriptors: after.descriptors.length - before.descriptors.length,
    };
  }

  /** Whether its server ends when these are sent. */
  async isKilledBy(cases: readonly FuzzCase[]): Promise<boolean> {
    await this.#prepare();
    for (const one of cases) {
      const text = this.#fill(one.text, one.slot);
      await exchange(this.#abused.server.url, latin1(text), one);
      if (this.#died()) return true;
    }
    await until(() => this.#died(), 300);
    return this.#died();
  }

  async #prepare(): Promise<void> {
    for (const tenant of ["acme", "other"] as const) {
      for (let slot = 0; slot < SLOTS; slot += 1) await this.#refill(tenant, slot);
      this.#cursors[tenant] = await this.#abused.cursor(KEYS[tenant]);
    }
    await until(() => this.#abused.leftovers().length === 0, 30_000);
  }

  async #refill(tenant: "acme" | "other", slot: number): Promise<void> {
    const word = tenant === "acme" ? "my" : "their";
    const name = `kanari-${word}-${slot}.txt?auto_process=true`;
    this.#pools[tenant][slot] = await this.#abused.put(
      KEYS[tenant],
      name,
      `kanari-${word}-text ${slot}`,
    );
  }

  /** @throws If a route's own example is refused: a new route needs an example that works. */
  async #validSeeds(): Promise<Seed[]> {
    const document = await (await fetch(`${this.#abused.server.url}/openapi.json`)).json();
    const seeds = seedsOf(document as DocsDocument);
    for (const { name, draft } of seeds) {
      const text = this.#fill(render(draft), 0);
      const { received } = await exchange(this.#abused.server.url, latin1(text), {
        ending: "whole",
        at: 0,
      });
      if (!/^HTTP\/1\.1 [23]/.test(received))
        throw new Error(`The example of ${name} is refused: ${received}`);
      await this.#mend(text);
      await until(() => this.#abused.leftovers().length === 0, 30_000);
    }
    return seeds;
  }

  #fill(text: string, slot: number): string {
    const mine = text.includes("{key:other}") && !text.includes("{key:acme}") ? "other" : "acme";
    const theirs = mine === "acme" ? "other" : "acme";
    return withKeys(text)
      .replaceAll("{id}", this.#pools[mine][slot] ?? "")
      .replaceAll("{foreign}", this.#pools[theirs][slot] ?? "")
      .replaceAll("{cursor}", this.#cursors[mine])
      .replaceAll("{foreignCursor}", this.#cursors[theirs]);
  }

  async #sendAll(
    seeds: readonly Seed[],
    numbers: readonly number[],
    connections: number,
    progress: ((done: number) => void) | undefined,
  ): Promise<void> {
    let next = 0;
    const work = async (): Promise<void> => {
      for (let at = next++; at < numbers.length; at = next++) {
        if (this.#findings.length >= MAX_FINDINGS || this.#died()) return;
        const number = numbers[at] as number;
        await this.#sendOne(makeCase(seeds, this.#options.seed, number), number);
        // While documents are processed, too.
        if (at % LOOK_EVERY === 0) this.#noteAll("secret", this.#abused.commandLeaks());
        progress?.(at + 1);
      }
    };
    await Promise.all(Array.from({ length: connections }, work));
  }

  async #sendOne(one: FuzzCase, number: number): Promise<void> {
    const text = this.#fill(one.text, one.slot);
    this.recent.push({ ...one, number });
    if (this.recent.length > RECENT) this.recent.shift();
    const { violation, received } = await this.#send(text, one);
    for (const [, status] of received.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)) {
      this.#statuses.set(Number(status), (this.#statuses.get(Number(status)) ?? 0) + 1);
    }
    await this.#mend(text).catch(async (error: unknown) => {
      // It takes a moment until a process that ends has ended.
      await until(() => this.#died(), 2_000);
      if (!this.#died()) throw error;
    });
    if (violation === null) return;
    // It takes a moment until a process that ends has ended.
    await until(() => this.#died(), 300);
    // Its own answer may have come before the end, and others' have not: see `blame`.
    if (this.#died() || this.#findings.length >= MAX_FINDINGS) return;
    const finding = { number, request: latin1(text), ...violation };
    this.#findings.push(finding);
    const stillDoes = async (candidate: string): Promise<boolean> => {
      if (this.#died()) return false;
      const again = await this.#send(candidate, { ending: "whole", at: 0 });
      await this.#mend(candidate);
      return again.violation?.kind === violation.kind;
    };
    const smallest = await shrink(text, stillDoes, violation.kind === "hang" ? 3 : SHRINK_TRIES);
    this.#findings[this.#findings.indexOf(finding)] = { ...finding, request: latin1(smallest) };
  }

  async #send(text: string, how: Pick<FuzzCase, "ending" | "at">) {
    // What this very request removes is gone even if its answer comes late.
    if (/DELETE|PATCH/i.test(text)) for (const id of idsIn(text)) this.#endangered.add(id);
    const outcome = await exchange(this.#abused.server.url, latin1(text), how);
    for (const [id, sha256] of acknowledgedIn(text, outcome.received))
      this.#acknowledged.set(id, sha256);
    // It takes a moment until a process that ends has ended.
    if (outcome.received === "" && !outcome.left) await until(() => this.#died(), 300);
    return { violation: judge(text, outcome), received: outcome.received };
  }

  #died(): boolean {
    const { exitCode, signalCode } = this.#abused.server.child;
    return exitCode !== null || signalCode !== null;
  }

  #lastWords(): string {
    return `The server ended: ${this.#abused.server.unread.join("\n").slice(0, 2000)}`;
  }

  /** Have what requests are about back, if this one may have removed it. */
  async #mend(text: string): Promise<void> {
    if (this.#died() || !/DELETE|PATCH/i.test(text)) return;
    for (const tenant of ["acme", "other"] as const) {
      for (const [slot, id] of this.#pools[tenant].entries()) {
        if (!text.includes(id)) continue;
        const answer = await this.#abused.call(KEYS[tenant], "GET", `/upload/${id}`);
        await answer.body?.cancel();
        if (answer.status === 404) await this.#refill(tenant, slot);
      }
    }
  }

  async #footprint() {
    const heldBytes = await this.#abused.heldBytes();
    return { heldBytes, descriptors: this.#abused.descriptors() };
  }

  /** What it has come to, given time to come down: connections end and caches age on their own. */
  async #settledAfter(before: {
    readonly heldBytes: number;
    readonly descriptors: readonly string[];
  }) {
    let last = before;
    if (this.#died()) return { heldBytes: 0, descriptors: before.descriptors };
    await until(async () => {
      last = await this.#footprint();
      const more = last.descriptors.length - before.descriptors.length;
      return (
        last.heldBytes - before.heldBytes <= MAX_GROWTH_BYTES && more <= MAX_GROWTH_DESCRIPTORS
      );
    }, 15_000);
    return last;
  }

  #judgeGrowth(bytes: number, after: readonly string[], before: readonly string[]): void {
    if (bytes > MAX_GROWTH_BYTES) this.#note("memory", `It holds ${bytes} bytes more`);
    if (after.length - before.length <= MAX_GROWTH_DESCRIPTORS) return;
    const left = [...before];
    const open = after.filter((name) => {
      const at = left.indexOf(name);
      if (at >= 0) left.splice(at, 1);
      return at < 0;
    });
    const named = [...new Set(open)].slice(0, 5).join(", ");
    this.#note("descriptors", `It has ${after.length - before.length} more open: ${named}`);
  }

  async #judgeRemains(): Promise<void> {
    if (this.#died()) {
      this.#note("crash", this.#lastWords());
      return;
    }
    // One look decides: documents are still processed, and a second look may meet the file of a text in the making.
    let left: readonly string[] = [];
    const look = (): boolean => {
      left = this.#abused.leftovers(RESTING);
      return left.length === 0;
    };
    await until(look, 30_000);
    this.#noteAll("leftover", left);
    const rows = this.#abused.rows();
    for (const row of rows) {
      const problem = corruptionOf(this.#abused.folder, row);
      if (problem !== null) this.#note("storage", problem);
    }
    const kept = new Map(rows.map(({ id, sha256 }) => [id, sha256]));
    for (const [id, sha256] of this.#acknowledged) {
      if (this.#endangered.has(id) || kept.get(id) === sha256) continue;
      this.#note("lost", `The acknowledged upload ${id} is ${kept.get(id) ?? "missing"}`);
    }
    this.#noteAll("secret", this.#abused.leaks());
    for (const entry of this.#abused.server.log) {
      if (entry["level"] === "error") this.#note("log", JSON.stringify(entry).slice(0, 2000));
    }
  }

  #noteAll(kind: string, details: readonly string[]): void {
    for (const detail of details) this.#note(kind, detail);
  }

  #note(kind: string, detail: string): void {
    // One of a kind: a fault of this sort comes in numbers.
    if (this.#findings.some((finding) => finding.kind === kind)) return;
    this.#findings.push({ kind, detail, number: null, request: null });
  }
}

/** Documents that wait for a processor are at rest as far as their storage goes. */
const RESTING = ["stored", "processed", "failed", "queued", "processing"];

function corruptionOf(folder: string, { id, key, sha256 }: Row): string | null {
  const path = join(folder, "uploads", key);
  if (!existsSync(path)) return `The object of ${id} is missing`;
  const found = createHash("sha256").update(readFileSync(path)).digest("hex");
  return found === sha256 ? null : `The object of ${id} has other bytes than its record says`;
}

function idsIn(text: string): string[] {
  return text.match(/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g) ?? [];
}

export function withKeys(text: string): string {
  return text.replaceAll(
    /\{key:(\w+)\}/g,
    (whole, name: string) => KEYS[name as keyof typeof KEYS] ?? whole,
  );
}

export function latin1(text: string): Buffer {
  return Buffer.from(text, "latin1");
}

async function until(isSo: () => boolean | Promise<boolean>, withinMs: number): Promise<void> {
  const end = performance.now() + withinMs;
  while (!(await isSo()) && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
