/** Lines of cells as a person reads them: in columns, the first line their headings. */
export function table(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, i) =>
    Math.max(...lines.map((line) => line[i]?.length ?? 0)),
  );
  return lines
    .map((line) => line.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  "))
    .map((line) => `${line.trimEnd()}\n`)
    .join("");
}

/** Units by which sizes are told, the greatest first. */
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

/** A size in words: exactly where a unit measures it exactly, else to one digit; `5 GiB`, `50.8 KiB`. */
export function sizeText(bytes: number): string {
  const [unit = "bytes", unitBytes = 1] =
    UNITS.find(([, size]) => bytes > 0 && bytes % size === 0) ??
    UNITS.find(([name, size]) => name.endsWith("iB") && bytes >= size) ??
    [];
  const count = bytes / unitBytes;
  return `${Number.isInteger(count) ? count : count.toFixed(1)} ${unit}`;
}
