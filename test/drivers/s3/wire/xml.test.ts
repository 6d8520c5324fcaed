import fc from "fast-check";
import { expect, test } from "vitest";
import type { XmlElement } from "../../../../drivers/s3/wire/protocol.ts";
import { childText, escapeXml, parseXml } from "../../../../drivers/s3/wire/xml.ts";
import { isStowageError } from "../../../../src/driver.ts";

function caught(text: string): unknown {
  try {
    parseXml(text);
  } catch (error) {
    return error;
  }
  return undefined;
}

test("parseXml() reads an answer of S3", () => {
  const root = parseXml(
    `<?xml version="1.0" encoding="UTF-8"?>\n\n <ns:R xmlns:ns="http://s3.amazonaws.com/doc/2006-03-01/" a='1' >\n` +
      `<Key>a&amp;b&lt;&gt;&quot;&apos;&#65;&#x1F600;&#13;</Key ><Empty/><Empty a="x" /><Owner><ID> 1 </ID></Owner></ns:R>\n`,
  );
  const leaf = (name: string, text: string): XmlElement => ({ name, children: [], text });
  expect(root).toEqual({
    name: "R",
    text: "",
    children: [
      leaf("Key", "a&b<>\"'A😀\r"),
      leaf("Empty", ""),
      leaf("Empty", ""),
      { name: "Owner", children: [leaf("ID", " 1 ")], text: "" },
    ],
  });
  expect(childText(root, "Key")).toBe("a&b<>\"'A😀\r");
  expect(childText(root, "ID")).toBe(null);
});

test.each([
  ["nothing", "", /empty/],
  ["blanks", " \n", /empty/],
  ["text alone", "no", /outside/],
  ["text after the root", "<a/>x", /outside/],
  ["two roots", "<a/><b/>", /more than one root/],
  ["a second root that is open", "<a></a><b>", /more than one root/],
  ["an end without a beginning", "</a>", /match/],
  ["another end", "<a></b>", /match/],
  ["an end with attributes", '<a></a b="1">', /match/],
  ["an end in a tag", "<a><b", /inside a tag/],
  ["an end too early", "<a><b></b>", /too early/],
  ["a document type", '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', /a tag/],
  ["a comment", "<a><!-- b --></a>", /a tag/],
  ["CDATA", "<a><![CDATA[b]]></a>", /a tag/],
  ["a processing instruction", "<a><?b?></a>", /a tag/],
  ["an unknown entity", "<a>&x;</a>", /invalid character reference/],
  ["a bare ampersand", "<a>b & c</a>", /invalid character reference/],
  ["a code point beyond Unicode", "<a>&#9999999;</a>", /invalid character reference/],
  ["one with too many digits", "<a>&#99999999999999999999;</a>", /invalid character reference/],
  ["NUL", "<a>&#0;</a>", /invalid character reference/],
  ["a surrogate", "<a>&#xD800;</a>", /invalid character reference/],
  ["a web page", "<!DOCTYPE html><html><body>Hi<br></body></html>", /a tag/],
  ["too many levels", "<a>".repeat(17), /levels/],
  ["too many elements", `<a>${"<b/>".repeat(200_000)}</a>`, /elements/],
])("parseXml() refuses %s", (_what, text, message) => {
  const error = caught(text);
  expect(isStowageError(error, "storage_unavailable")).toBe(true);
  expect(String(error)).toMatch(message);
});

test("parseXml() refuses whatever is cut off", () => {
  const whole = "<?xml version='1.0'?><R><Key>a&amp;b</Key><Owner><ID>1</ID></Owner></R>";
  parseXml(whole);
  for (let length = 0; length < whole.length; length += 1) {
    expect(isStowageError(caught(whole.slice(0, length)), "storage_unavailable")).toBe(true);
  }
});

test("parseXml() throws nothing but a StowageError, whatever comes", () => {
  const token = fc.constantFrom(
    ..."<>/&;#x=\"'! ?-[]\n".split(""),
    "<a>",
    "</a>",
    "<b/>",
    ' c="d"',
    "&amp;",
    "&#1;",
    "<?xml ",
    "\ud800",
  );
  const text = fc.oneof(
    fc.string(),
    fc.array(token, { maxLength: 40 }).map((all) => all.join("")),
  );
  fc.assert(
    fc.property(text, (any) => {
      const error = caught(any);
      expect(error === undefined || isStowageError(error, "storage_unavailable")).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});

/** Each took minutes if reading were not in proportion to the text; the test's own limit is the judge. */
test.each([
  ["blanks in a tag", `<a${" ".repeat(2_000_000)}!>`],
  ["a name", `<${"a".repeat(2_000_000)}!>`],
  ["prefixes", `<${"a:".repeat(1_000_000)}>`],
  ["attributes", `<a${' b="c"'.repeat(400_000)}!>`],
  ["open quotes", `<a b="${"' c='".repeat(400_000)}>`],
  ["ampersands", `<a>${"&".repeat(2_000_000)}</a>`],
  ["references", `<a>${"&#1".repeat(1_000_000)}</a>`],
  ["a declaration", `<?xml ${"?".repeat(2_000_000)}`],
  ["blanks before", " ".repeat(2_000_000)],
  ["text in pieces", `<a>${"x<b/>".repeat(150_000)}!`],
])("parseXml() is done with megabytes of %s", (_what, text) => {
  expect(isStowageError(caught(text), "storage_unavailable")).toBe(true);
});

test("escapeXml() keeps every text through parseXml()", () => {
  const text = fc.string({ unit: "binary" }).map((any) => any.replaceAll("\0", ""));
  fc.assert(
    fc.property(text, (any) => {
      expect(parseXml(`<a>${escapeXml(any)}</a>`).text).toBe(any);
    }),
    { numRuns: 200 },
  );
  expect(escapeXml("a\r<b>&\u0001")).toBe("a&#13;&#60;b&#62;&#38;&#1;");
});
