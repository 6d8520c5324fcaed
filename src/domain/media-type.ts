/** What bytes are when nobody knows. */
export const UNKNOWN_MEDIA_TYPE = "application/octet-stream";

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

/** Whether a browser may show this type in place. */
export function isSafeInline(mediaType: string): boolean {
  return INLINE_SAFE.has(mediaType);
}

/** Whether `mediaType` is named by `patterns`, where `image/*` stands for all images. */
export function matchesMediaType(mediaType: string, patterns: readonly string[]): boolean {
  const family = `${mediaType.split("/", 1)[0]}/*`;
  return patterns.includes(mediaType) || patterns.includes(family) || patterns.includes("*/*");
}
