import { describe, expect, it } from "vitest";
import { fixture, textOf } from "./read.ts";

/** What shelf.fods says. */
const SHELF = `Bücher & Karten
Inventory of the reading circle, Ålesund
Title\tBought\tPrice\tCopies\tLent
夜と霧\t2024-02-29\t12.5\t2\tTRUE
Größe und Maß in two lines\t1999-12-31 23:59:00\t7.25\t3\tFALSE
Sum\t\t46.75\t5\tof 夜と霧

Öffnung
Friday\t18:30:00\t0.75
\t21:00:00\t#DIV/0!
\tClosed in July`;

/** What survey.fodp says. */
const SURVEY = `Harbour survey of Łódź & Ålesund

Depths at low water
from the mole
to the second buoy,
in metres
Τα κύματα, 波 🙂

Speak slowly.
Größe nennen.

Second day

Buoy\t\tMetres
second\tnorth of it\t7,5

A shape

in a group`;

/** What members.csv says, and LibreOffice makes of it. */
const MEMBERS = `Name,Town,Joined,Fee,Remark
"Ångström, Zoë",Malmö,2019-05-01,12.50,"Keeps the key.
Ask her ""before"" Friday – always."
Jürgen Groß,Düren,2021-11-30,7.25,
"Séraphine Œuvrard",Besançon,2024-02-29,0.00,"owes 3 €

since spring"`;

const MEMBERS_1252 = `"Name";"Town";"Joined";"Fee";"Remark"
"Ångström, Zoë";"Malmö";2019-05-01;12.5;"Keeps the key.
Ask her ""before"" Friday – always."
"Jürgen Groß";"Düren";2021-11-30;7.25;
"Séraphine Œuvrard";"Besançon";2024-02-29;0;"owes 3 €

since spring"`;

describe("the text of documents as programs save them", () => {
  it.each([
    ["xlsx", "shelf.xlsx", SHELF],
    ["ods", "shelf.ods", SHELF],
    ["pptx", "survey.pptx", SURVEY],
    ["odp", "survey.odp", SURVEY],
    ["csv", "members.csv", MEMBERS],
    ["csv", "members-windows-1252.csv", MEMBERS_1252],
  ] as const)("%s: every word of %s, in order", async (type, name, expected) => {
    expect(await textOf(type, fixture(name))).toBe(expected);
  });

  it.each([
    ["md", "notes.md", "kept the [minutes](minutes.docx"],
    ["json", "catalogue.json", '"Gr\\u00f6\\u00dfe und Ma\\u00df"'],
  ] as const)("%s: %s as it stands, with its markup and escapes", async (type, name, part) => {
    const found = await textOf(type, fixture(name));
    expect(found).toBe(fixture(name).toString("utf8").trimEnd());
    expect(found).toContain(part);
  });
});
