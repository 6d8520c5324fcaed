import fc from "fast-check";
import { expect, it } from "vitest";
import { countText } from "../../../processors/formats/count-text.ts";
import { TextCollector } from "../../../processors/text/collector.ts";

it("TextCollector makes any pieces well-formed text within its limit, and says so when it cuts", () => {
  const pieces = fc.array(
    fc.string({ unit: "binary" }).chain((s) => fc.constantFrom(s, `${s}\ud83d`, "\0")),
  );
  fc.assert(
    fc.property(pieces, fc.integer({ min: 1, max: 60 }), (pieces, limitBytes) => {
      const collector = new TextCollector(limitBytes);
      for (const piece of pieces) collector.add(piece);
      const { text, facts } = collector.finish();
      const roomy = new TextCollector(1e6);
      for (const piece of pieces) roomy.add(piece);
      const whole = roomy.finish().text;
      expect(text.isWellFormed()).toBe(true);
      expect(text).not.toMatch(/[\0\r]/);
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(limitBytes);
      expect(whole.startsWith(text)).toBe(true);
      if (text !== whole) expect(facts.truncated).toBe(true);
      expect(facts.characters).toBe([...text].length);
      expect(facts.words).toBe(countText(text).words);
    }),
  );
});

it("TextCollector takes no white space at the beginning for text", () => {
  const collector = new TextCollector(8);
  for (let i = 0; i < 100; i++) expect(collector.add(" \n\t")).toBe(true);
  collector.add("  eight ch");
  expect(collector.finish()).toMatchObject({ text: "eight ch", facts: { truncated: false } });
});

it.each(["\r\n", "\r", "🙂", "\r🙂", "\0"])("TextCollector cleans %j wherever it is", (piece) => {
  const cleaned = piece.replace(/\r\n?/, "\n").replace("\0", "\uFFFD");
  for (const before of [65_533, 65_534, 65_535, 65_536]) {
    const collector = new TextCollector(1e6);
    collector.add(`${"a".repeat(before)}${piece}b`);
    expect(collector.finish().text.slice(before)).toBe(`${cleaned}b`);
  }
});
