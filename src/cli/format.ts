/** Units of sizes, the largest first. */
const UNITS = [
  ["TiB", 2 ** 40],
  ["TB", 1e12],
  ["GiB", 2 ** 30],
  ["GB", 1e9],
  ["MiB", 2 ** 20],
  ["MB", 1e6],
  ["KiB", 2 ** 10],
  ["KB", 1e3],
] as const;

/** Beyond this a smaller unit is harder to read than a rounded number. */
const MAX_EXACT_COUNT = 10_000;

/** A size: exact where a unit divides it, else rounded to one decimal: `5 GiB`, `50.8 KiB`. */
export function formatSize(bytes: number): string {
  const exact = (size: number) => bytes % size === 0 && bytes / size < MAX_EXACT_COUNT;
  const [unit = "bytes", unitBytes = 1] =
    UNITS.find(([, size]) => bytes > 0 && exact(size)) ??
    UNITS.find(([name, size]) => name.endsWith("iB") && bytes >= size) ??
    [];
  const count = bytes / unitBytes;
  return `${Number.isInteger(count) ? count : count.toFixed(1)} ${unit}`;
}

/** `1,234,567`. */
export function formatCount(count: number): string {
  return count.toLocaleString("en");
}

/** `1 upload`, `1,234 uploads`. */
export function formatCountOf(count: number, singular: string, plural = `${singular}s`): string {
  return `${formatCount(count)} ${count === 1 ? singular : plural}`;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** A length of time, rounded down: `20 min`, `5 h`, `3 days`. */
export function formatDuration(ms: number): string {
  if (ms >= 2 * DAY_MS) return `${Math.floor(ms / DAY_MS)} days`;
  if (ms >= 2 * HOUR_MS) return `${Math.floor(ms / HOUR_MS)} h`;
  return `${Math.ceil(ms / 60_000)} min`;
}

/** Lines of cells in aligned columns; the first line is the heading. */
export function table(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, i) =>
    Math.max(...lines.map((line) => line[i]?.length ?? 0)),
  );
  return lines
    .map((line) => line.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  "))
    .map((line) => `${line.trimEnd()}\n`)
    .join("");
}
