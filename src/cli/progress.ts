import type { Cli } from "./command.ts";
import { formatCount } from "./format.ts";

/** Looks smooth and costs nothing. */
const REDRAW_MS = 100;
/** For log files, which are read later. */
const LINE_MS = 10_000;

const BAR_WIDTH = 24;
const DEFAULT_WIDTH = 80;

/** Erases from the cursor to the end of the line (ECMA-48, EL). */
const ERASE = "\x1b[K";

/**
 * Shows the progress of long work: one line that is redrawn on a terminal, a plain line every few seconds
 * elsewhere, and nothing when the output is for a machine.
 */
export class Progress {
  readonly #cli: Cli;
  readonly #style: "bar" | "lines" | "none";
  readonly #now: () => number;
  #startedAt: number;
  #drawnAt = Number.NEGATIVE_INFINITY;
  #title = "";
  #isDrawn = false;

  /** @param now A monotonic clock, in milliseconds. */
  constructor(cli: Cli, quiet: boolean, now: () => number = () => performance.now()) {
    this.#cli = cli;
    this.#now = now;
    this.#startedAt = now();
    const drawn = cli.isTerminal && cli.env["TERM"] !== "dumb";
    this.#style = quiet ? "none" : drawn ? "bar" : "lines";
  }

  /** Start a new piece of work; its speed is measured from now. */
  begin(title: string): void {
    this.clear();
    this.#title = title;
    this.#startedAt = this.#now();
    this.#drawnAt = this.#style === "bar" ? Number.NEGATIVE_INFINITY : this.#startedAt;
  }

  /** @param total The total, as far as is known. */
  show(done: number, total: number): void {
    const now = this.#now();
    if (now - this.#drawnAt < (this.#style === "bar" ? REDRAW_MS : LINE_MS)) return;
    this.#drawnAt = now;
    if (this.#style === "lines") this.#cli.err(`${this.#title}: ${counts(done, total)}\n`);
    if (this.#style === "bar") {
      this.#cli.err(`\r${this.#line(done, total, now - this.#startedAt)}${ERASE}`);
      this.#isDrawn = true;
    }
  }

  /** Erase the line, so that something else can be written. */
  clear(): void {
    if (this.#isDrawn) this.#cli.err(`\r${ERASE}`);
    this.#isDrawn = false;
  }

  /** At most as wide as the terminal: a line that wraps cannot be redrawn. */
  #line(done: number, total: number, elapsedMs: number): string {
    const share = total === 0 ? 1 : Math.min(1, done / total);
    const filled = Math.round(share * BAR_WIDTH);
    const bar = `[${"#".repeat(filled)}${"-".repeat(BAR_WIDTH - filled)}]`;
    const percent = `${Math.floor(share * 100)}%`.padStart(4);
    const parts = [this.#title, bar, percent, counts(done, total), speed(done, total, elapsedMs)];
    return parts.join("  ").slice(0, Math.max(1, (this.#cli.columns?.() ?? DEFAULT_WIDTH) - 1));
  }
}

function counts(done: number, total: number): string {
  return `${formatCount(done)} of ${formatCount(total)}`;
}

/** The speed, and the time left at that speed. */
function speed(done: number, total: number, elapsedMs: number): string {
  if (done === 0 || elapsedMs < 1_000) return "";
  const perSecond = (done * 1_000) / elapsedMs;
  const seconds = Math.round(Math.max(0, total - done) / perSecond);
  const left = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")} left`;
  return `${perSecond.toFixed(perSecond < 10 ? 1 : 0)}/s  ${left}`;
}
