/** https://encoding.spec.whatwg.org/#bom-sniff, plus UTF-32. Its little-endian mark starts like UTF-16's, so it comes first. */
const MARKS = [
  { encoding: "utf-32le", mark: [0xff, 0xfe, 0, 0] },
  { encoding: "utf-32be", mark: [0, 0, 0xfe, 0xff] },
  { encoding: "utf-8", mark: [0xef, 0xbb, 0xbf] },
  { encoding: "utf-16le", mark: [0xff, 0xfe] },
  { encoding: "utf-16be", mark: [0xfe, 0xff] },
] as const;

export type MarkedEncoding = (typeof MARKS)[number]["encoding"];

/** The encoding that a byte order mark names; `null` if `bytes` do not start with one. */
export function findByteOrderMark(bytes: Uint8Array): MarkedEncoding | null {
  const found = MARKS.find(({ mark }) => mark.every((byte, i) => bytes[i] === byte));
  return found?.encoding ?? null;
}
