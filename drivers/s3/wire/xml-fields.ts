import type { XmlElement } from "./protocol.ts";
import { unexpectedResponse } from "./response-headers.ts";
import { childText } from "./xml.ts";

/** @throws {StowageError} `storage_unavailable` where a document of S3 lacks what it must have. */
export function required(element: XmlElement, name: string): string {
  const text = childText(element, name);
  if (text === null || text === "") throw unexpectedResponse(`its ${element.name} has no ${name}`);
  return text;
}

/** The same for what counts: bytes, numbers of parts. */
export function requiredCount(element: XmlElement, name: string): number {
  const text = required(element, name);
  const count = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(count)) return count;
  throw unexpectedResponse(`the ${name} of its ${element.name} is no number`);
}

/** @throws {StowageError} `storage_unavailable` for a well-formed document that answers something else. */
export function assertRoot(root: XmlElement, name: string): void {
  if (root.name !== name)
    throw unexpectedResponse(`it answers with ${root.name} instead of ${name}`);
}

export function childrenOf(element: XmlElement, name: string): XmlElement[] {
  return element.children.filter((child) => child.name === name);
}

/**
 * How keys in a listing are to be read: percent-encoded, if the response says so. A space may be a `+` then, as
 * in a form.
 */
export function keyReader(page: XmlElement): (text: string) => string {
  if (childText(page, "EncodingType") !== "url") return (text) => text;
  return (text) => {
    try {
      return decodeURIComponent(text.replaceAll("+", " "));
    } catch {
      throw unexpectedResponse("a key in its listing is not encoded as it says");
    }
  };
}
