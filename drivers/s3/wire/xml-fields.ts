import type { XmlElement } from "./protocol.ts";
import { unexpectedResponse } from "./response-headers.ts";
import { childText } from "./xml.ts";

/** @throws {StowageError} `storage_unavailable` if the element is missing or empty. */
export function required(element: XmlElement, name: string): string {
  const text = childText(element, name);
  if (text === null || text === "") throw unexpectedResponse(`its ${element.name} has no ${name}`);
  return text;
}

/** The same for a count of bytes or parts. */
export function requiredCount(element: XmlElement, name: string): number {
  const text = required(element, name);
  const count = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(count)) return count;
  throw unexpectedResponse(`the ${name} of its ${element.name} is not a number`);
}

/** @throws {StowageError} `storage_unavailable` for a well-formed document of another kind. */
export function assertRoot(root: XmlElement, name: string): void {
  if (root.name !== name) throw unexpectedResponse(`it sends ${root.name} instead of ${name}`);
}

export function childrenOf(element: XmlElement, name: string): XmlElement[] {
  return element.children.filter((child) => child.name === name);
}

/**
 * How to decode the keys of a listing: percent-encoded if the response says so. A space may then be a `+`, as in a
 * form.
 */
export function keyReader(page: XmlElement): (text: string) => string {
  if (childText(page, "EncodingType") !== "url") return (text) => text;
  return (text) => {
    try {
      return decodeURIComponent(text.replaceAll("+", " "));
    } catch {
      throw unexpectedResponse("a key in its listing is not encoded as announced");
    }
  };
}
