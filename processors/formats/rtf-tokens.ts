import { StowageError } from "../../src/processor.ts";

/** Receives the tokens of an RTF file in order. */
export interface RtfHandler {
  /** `{` */
  open(): void;
  /** `}` */
  close(): void;
  /** `\par`, `\u8364`: a name with the number that follows it, `null` without one. */
  word(name: string, value: number | null): void;
  /** `\~`: a backslash and a character that is neither a letter nor escaped. */
  symbol(character: string): void;
  /** One byte of text, in the current encoding. */
  byte(byte: number): void;
}

/** Longest name and number in the specification. */
const MAX_NAME = 32;
const MAX_DIGITS = 10;

const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const APOSTROPHE = 0x27;

/**
 * Splits an RTF file into tokens as its bytes arrive. Holds one token at a time.
 *
 * @see https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxrtfex/411d0d58-49f7-496c-b8c3-5859b045f6cf
 */
export class RtfTokens {
  readonly #handler: RtfHandler;
  #state: "text" | "backslash" | "name" | "number" | "hex" | "binary" = "text";
  #name = "";
  #number = "";
  #hex = "";
  #binaryBytes = 0;

  constructor(handler: RtfHandler) {
    this.#handler = handler;
  }

  write(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.byteLength; at += 1) {
      if (this.#state === "binary") {
        const skipped = Math.min(this.#binaryBytes, chunk.byteLength - at);
        this.#binaryBytes -= skipped;
        if (this.#binaryBytes === 0) this.#state = "text";
        at += skipped - 1;
      } else {
        this.#take(chunk[at] ?? 0);
      }
    }
  }

  /** The file may end with a control word. */
  end(): void {
    if (this.#state === "name" || this.#state === "number") this.#endWord();
  }

  #take(byte: number): void {
    switch (this.#state) {
      case "backslash":
        this.#afterBackslash(byte);
        return;
      case "name":
        this.#inName(byte);
        return;
      case "number":
        this.#inNumber(byte);
        return;
      case "hex":
        this.#inHex(byte);
        return;
      default:
        this.#inText(byte);
    }
  }

  #inText(byte: number): void {
    if (byte === BACKSLASH) this.#state = "backslash";
    else if (byte === OPEN) this.#handler.open();
    else if (byte === CLOSE) this.#handler.close();
    // Line ends have no meaning.
    else if (byte !== 0x0d && byte !== 0x0a && byte !== 0) this.#handler.byte(byte);
  }

  #afterBackslash(byte: number): void {
    this.#state = "text";
    if (isLetter(byte)) {
      this.#state = "name";
      this.#name = String.fromCharCode(byte);
      this.#number = "";
    } else if (byte === APOSTROPHE) {
      this.#state = "hex";
      this.#hex = "";
    } else if (byte === BACKSLASH || byte === OPEN || byte === CLOSE) {
      this.#handler.byte(byte);
    } else {
      this.#handler.symbol(String.fromCharCode(byte));
    }
  }

  #inName(byte: number): void {
    if (isLetter(byte)) {
      if (this.#name.length >= MAX_NAME) throw malformed();
      this.#name += String.fromCharCode(byte);
    } else if (isDigit(byte) || byte === 0x2d) {
      this.#state = "number";
      this.#number = String.fromCharCode(byte);
    } else {
      this.#endWord();
      this.#afterWord(byte);
    }
  }

  #inNumber(byte: number): void {
    if (isDigit(byte)) {
      if (this.#number.length > MAX_DIGITS) throw malformed();
      this.#number += String.fromCharCode(byte);
    } else {
      this.#endWord();
      this.#afterWord(byte);
    }
  }

  #endWord(): void {
    const value = this.#number === "" ? null : Number.parseInt(this.#number, 10) || 0;
    this.#state = "text";
    this.#handler.word(this.#name, value);
    if (this.#name === "bin" && value !== null && value > 0) {
      this.#state = "binary";
      this.#binaryBytes = value;
    }
  }

  /** A space that ends a control word belongs to it. The bytes of `\bin` follow it. */
  #afterWord(byte: number): void {
    if (byte === 0x20) return;
    if (this.#state === "binary") {
      this.#binaryBytes -= 1;
      if (this.#binaryBytes === 0) this.#state = "text";
    } else this.#inText(byte);
  }

  #inHex(byte: number): void {
    this.#hex += String.fromCharCode(byte);
    if (this.#hex.length < 2) return;
    this.#state = "text";
    if (/^[0-9a-f]{2}$/i.test(this.#hex)) this.#handler.byte(Number.parseInt(this.#hex, 16));
  }
}

function isLetter(byte: number): boolean {
  return (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x41 && byte <= 0x5a);
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function malformed(): StowageError {
  return new StowageError("document_unreadable", "Cannot read RTF: the file is corrupt");
}
