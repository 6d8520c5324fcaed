/** The type of unknown bytes. */
export const UNKNOWN_MEDIA_TYPE = "application/octet-stream";

/** A compound file (OLE): anything of Microsoft before 2007, and what Office wraps for a password. */
export const CONTAINER_MEDIA_TYPE = "application/x-cfb";

/** RFC 9110, 8.3.1: `type/subtype`, both tokens. Parameters follow after `;`. */
const ESSENCE = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,127}\/[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,127}$/;

/** Types that a browser may show in place: they run no script in the page's origin. SVG and HTML do. */
const INLINE_SAFE = new Set([
  "application/pdf",
  "audio/mpeg",
  "audio/ogg",
  "audio/wav",
  "image/avif",
  "image/gif",
  "image/jpeg",
  "image/png",
  "image/webp",
  "text/plain",
  "video/mp4",
  "video/webm",
]);

/** `type/subtype` in lower case without parameters, or `null` if `header` holds none. */
export function findMediaType(header: string | null | undefined): string | null {
  const essence = (header ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
  return ESSENCE.test(essence) ? essence : null;
}

/** Kinds of text whose bytes look alike, by file extension. */
const TEXT_TYPES: ReadonlyMap<string, string> = new Map([
  ["csv", "text/csv"],
  ["tsv", "text/tab-separated-values"],
  ["md", "text/markdown"],
  ["markdown", "text/markdown"],
  ["json", "application/json"],
  ["xml", "application/xml"],
  ["yaml", "application/yaml"],
  ["yml", "application/yaml"],
]);

/** The kind of a text file by its extension; `text/plain` for any other. */
export function textTypeOf(filename: string): string {
  const extension = /\.(\w+)$/.exec(filename)?.[1] ?? "";
  return TEXT_TYPES.get(extension.toLowerCase()) ?? "text/plain";
}

/** Whether a browser may show this type in place. */
export function isSafeInline(mediaType: string): boolean {
  return INLINE_SAFE.has(mediaType);
}

/** Whether `mediaType` is named by `patterns`, where `image/*` stands for all images. */
export function matchesMediaType(mediaType: string, patterns: readonly string[]): boolean {
  const family = `${mediaType.split("/", 1)[0]}/*`;
  return patterns.includes(mediaType) || patterns.includes(family) || patterns.includes("*/*");
}
