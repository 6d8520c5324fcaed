const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** A size as people read it: `5 GiB`, `1.5 MiB`. */
export function amount(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${Number(value.toFixed(value < 10 ? 1 : 0))} ${UNITS[unit]}`;
}
