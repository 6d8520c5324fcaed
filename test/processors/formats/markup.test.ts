import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type MarkupOptions, readMarkup } from "../../../processors/formats/markup.ts";
import { decodeXml } from "../../../processors/formats/xml-encoding.ts";
import { inputOf } from "./input.ts";

async function events(
  pieces: readonly string[],
  mode: MarkupOptions["mode"] = "xml",
  signal = new AbortController().signal,
): Promise<string> {
  let found = "";
  await readMarkup(
    pieces,
    {
      open(name, attributes) {
        const listed = Object.entries(attributes).map(([key, value]) => ` ${key}=${value}`);
        found += `(${name}${listed.join("")} `;
      },
      close(name) {
        found += ` ${name})`;
      },
      text(text) {
        found += text;
      },
    },
    { mode, signal },
  );
  return found;
}

describe("readMarkup()", () => {
  it("reports elements, attributes and text wherever pieces are cut", async () => {
    const xml =
      '<?xml version="1.0"?><!-- <no/> --><a x="1&amp;2" __proto__="p" constructor=\'c\'><B/>&lt;&#x41;é<![CDATA[<&]]></a>';
    const whole = "(a x=1&2 __proto__=p constructor=c (B  B)<Aé<& a)";
    expect(await events([xml])).toBe(whole);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(xml.length)), async (cuts) => {
        const at = [0, ...cuts.toSorted((a, b) => a - b)];
        expect(await events(at.map((from, i) => xml.slice(from, at[i + 1])))).toBe(whole);
      }),
    );
  });

  it("reads HTML as browsers do, and XHTML with tags that close themselves", async () => {
    expect(await events(["<P>a<br>b<p>c&nbsp;d"], "html")).toBe("(p a(br  br)b p)(p c\u00a0d p)");
    expect(await events(["<div/>x<p>y"], "xhtml")).toBe("(div  div)x(p y p)");
  });

  it.each([
    ["nothing", ""],
    ["text only", "text"],
    ["an element that is not closed", "<a><b></b>"],
    ["an end in a tag", "<a></a"],
    ["tags across each other", "<a><b></a></b>"],
    ["declared entities", '<!DOCTYPE a [<!ENTITY e "e">]><a>&e;</a>'],
  ])("finds XML with %s unreadable", async (_, xml) => {
    await expect(events([xml])).rejects.toMatchObject({ code: "document_unreadable" });
  });

  it("skips a document type that declares nothing", async () => {
    const xml = '<!DOCTYPE a PUBLIC "-//A//EN" "http://127.0.0.1:1/a.dtd"><a>&e;</a>';
    expect(await events([xml])).toBe("(a &e; a)");
  });

  it.each([
    [
      "nesting",
      (function* () {
        yield* Array.from({ length: 1001 }, () => "<a>");
      })(),
    ],
    ["attributes", [`<a ${Array.from({ length: 1001 }, (_, i) => `a${i}="1"`).join(" ")}/>`]],
    ["a tag", ['<a x="', ...Array.from({ length: 9 }, () => "x".repeat(1 << 20)), '"/>']],
    ["a comment", ["<!--", ...Array.from({ length: 9 }, () => "x".repeat(1 << 20)), "--><a/>"]],
  ])("ends at too much of %s", async (_, pieces) => {
    await expect(events([...pieces])).rejects.toMatchObject({ code: "document_too_complex" });
  });

  it("reads no more once its handler is done", async () => {
    let read = 0;
    const pieces = function* () {
      for (; ; read += 1) yield "<a>";
    };
    const handler = {
      done: false,
      open() {
        this.done = true;
      },
    };
    await readMarkup(pieces(), handler, { mode: "xml", signal: new AbortController().signal });
    expect(read).toBe(0);
  });

  it("stops when it is aborted", async () => {
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(events(["<a/>"], "xml", signal)).rejects.toThrow("enough");
  });
});

describe("decodeXml()", () => {
  const text = "é€🙂";
  const declared = (encoding: string) => `<?xml version="1.0" encoding="${encoding}"?><a>é</a>`;
  const swapped = (text: string) => Buffer.from(text, "utf16le").swap16();

  it.each([
    ["UTF-8", Buffer.from(`<a>${text}`), `<a>${text}`],
    ["UTF-8 with a mark", Buffer.from(`\uFEFF<a>${text}`), `<a>${text}`],
    ["UTF-16, little end first", Buffer.from(`\uFEFF<a>${text}`, "utf16le"), `<a>${text}`],
    ["UTF-16, big end first", swapped(`\uFEFF<a>${text}`), `<a>${text}`],
    ["UTF-16 without a mark", Buffer.from(`<a>${text}`, "utf16le"), `<a>${text}`],
    ["UTF-16 without a mark, big end first", swapped(`<a>${text}`), `<a>${text}`],
    ["a declared encoding", Buffer.from(declared("ISO-8859-1"), "latin1"), declared("ISO-8859-1")],
    ["a declaration that cannot be", Buffer.from(declared("UTF-16")), declared("UTF-16")],
    ["more than fits its head", Buffer.from(text.repeat(999)), text.repeat(999)],
    ["nothing", Buffer.alloc(0), ""],
  ])("reads %s", async (_, bytes, expected) => {
    expect(await decoded(bytes)).toBe(expected);
  });

  it("finds an unknown encoding unreadable", async () => {
    const reading = decoded(Buffer.from(declared("x-klingon")));
    await expect(reading).rejects.toMatchObject({ code: "document_unreadable" });
  });
});

async function decoded(bytes: Uint8Array): Promise<string> {
  let text = "";
  for await (const piece of decodeXml(inputOf(bytes).stream())) text += piece;
  return text;
}
