import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { detectLanguage } from "../../../processors/metadata/detect-language.ts";
import { documentFacts, findLine } from "../../../processors/metadata/facts.ts";

describe("documentFacts()", () => {
  it.each([
    ["2026-11-24T01:02:03Z", "2026-11-24T01:02:03.000Z"],
    ["2026-11-24T01:02:03.5+01:00", "2026-11-24T00:02:03.500Z"],
    ["2026-11-24t01:02z", "2026-11-24T01:02:00.000Z"],
    ["2026-11-24 01:02:03 -0530", "2026-11-24T06:32:03.000Z"],
    ["2026-11-24T01:02:03,123456789", "2026-11-24T01:02:03.123Z"],
    ["2026-11-24", "2026-11-24T00:00:00.000Z"],
    ["D:20261124010203-08'00", "2026-11-24T09:02:03.000Z"],
    ["D:20261124010203+0200", "2026-11-23T23:02:03.000Z"],
    ["D:20261124010203Z00'00'", "2026-11-24T01:02:03.000Z"],
    ["D:20261124", "2026-11-24T00:00:00.000Z"],
  ])("writes the time %s as RFC 3339 in UTC", (created, expected) => {
    expect(documentFacts({ created })).toEqual({ created_at: expected });
  });

  it.each([
    "2026",
    "2026-11",
    "24.11.2026",
    "2026-02-30",
    "2026-11-24T25:00:00Z",
    "2026-13-01",
    "0000-01-01",
    "9999-12-31T23:59:59-01:00",
    "D:2026",
    "D:20261324000000Z",
    "yesterday",
    "",
  ])("leaves out %j, an invalid time", (modified) => {
    expect(documentFacts({ modified })).toEqual({});
  });

  it.each([
    ["EN_us", "en-US"],
    ["deu", "de"],
    ["zh-hant-tw", "zh-Hant-TW"],
    ["sr-Latn", "sr-Latn"],
  ])("writes the language %s as BCP 47", (language, expected) => {
    expect(documentFacts({ language })).toEqual({ language: expected });
  });

  it.each([
    "x-none",
    "und",
    "mul",
    "English (US)",
    "",
    "-",
    `en-${"x".repeat(60)}`,
  ])("leaves out %j, an invalid language", (language) => {
    expect(documentFacts({ language })).toEqual({});
  });

  it("keeps only counts that were counted", () => {
    const facts = {
      pages: " 12 ",
      slides: 0,
      words: "-3",
      sheets: "1e3",
      characters: "99999999999",
    };
    expect(documentFacts(facts)).toEqual({ pages: 12 });
  });

  it("joins authors, and leaves out those without a name", () => {
    expect(documentFacts({ authors: ["Ada ", " ", "Grace\u0000 Hopper"] })).toEqual({
      author: "Ada; Grace Hopper",
    });
    expect(documentFacts({ authors: [" "] })).toEqual({});
  });
});

describe("findLine()", () => {
  it("makes any text one short line without control characters", () => {
    const text = fc.oneof(anyUnits, naughty);
    fc.assert(
      fc.property(text, (written) => {
        const line = findLine(written);
        if (line === undefined) return;
        expect(line).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069\n]|^\s|\s$/u);
        expect(line.isWellFormed()).toBe(true);
        expect(line).toBe(line.normalize("NFC"));
        expect([...line].length).toBeLessThanOrEqual(500);
      }),
    );
  });

  it("keeps 500 characters, and none by half", () => {
    expect(findLine("🙂".repeat(600))).toBe("🙂".repeat(500));
    expect(findLine("a".repeat(501))).toBe("a".repeat(500));
    expect(findLine("e\u0301 \u202egpj.exe\u0007")).toBe("é gpj.exe");
  });
});

const anyUnits = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 100 })
  .map((units) => String.fromCharCode(...units));

/** Long runs, marks to compose, and what turns the direction of text. */
const naughty = fc
  .array(
    fc.tuple(
      fc.constantFrom("\u202e", "\ufdfa", "e\u0301\u0323", "\ud83d", "\0", "\n", "🙂", "a"),
      fc.integer({ min: 1, max: 700 }),
    ),
    { maxLength: 6 },
  )
  .map((runs) => runs.map(([piece, times]) => piece.repeat(times)).join(""));

describe("detectLanguage()", () => {
  it.each([
    [
      "de",
      "Der Ausschuss traf sich am Freitag, um die Pläne für den alten Hafen zu sehen. Niemand wollte den Kran abreißen, an den sich alle aus ihrer Kindheit erinnern, aber die Kosten, ihn aufrecht zu halten, sind jedes Jahr gestiegen und werden weiter steigen.",
    ],
    [
      "fr",
      "Le comité s'est réuni vendredi pour examiner les plans du vieux port. Personne ne voulait démolir la grue, dont tout le monde se souvient depuis l'enfance, mais le coût de son entretien augmente chaque année et il faudra bien décider au printemps prochain.",
    ],
    [
      "uk",
      "Комітет зібрався в п’ятницю, щоб переглянути плани старого порту. Ніхто не хотів зносити кран, який усі пам’ятають з дитинства, але вартість його утримання зростає щороку. Рішення відклали до весни, коли інженери закінчать свій звіт про стан споруди.",
    ],
    [
      "ja",
      "委員会は金曜日に集まり、古い港の計画を見た。誰もが子供の頃から覚えているクレーンを取り壊したいとは思わなかったが、それを維持する費用は毎年増えている。決定は春まで延期された。技術者たちがその頃には報告書を書き終えているはずである。".repeat(
        2,
      ),
    ],
  ])("knows %s", (language, text) => {
    expect(detectLanguage(text)).toBe(language);
  });

  it("says nothing of a text of few letters", () => {
    expect(detectLanguage("The committee met on Friday. ".repeat(5))).toBeUndefined();
    expect(detectLanguage("12 345,67 € ".repeat(500))).toBeUndefined();
    expect(detectLanguage("https://example.com/the-old-harbour ".repeat(50))).toBeUndefined();
  });
});
