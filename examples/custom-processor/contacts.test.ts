import assert from "node:assert/strict";
import { test } from "node:test";
import { type Contacts, findContacts } from "./contacts.ts";

const NOTHING: Contacts = { name: null, emails: [], phones: [], links: [] };

/** Texts and what is found in them. Omitted fields are empty. */
const TABLE: readonly (readonly [text: string, found: Partial<Contacts>])[] = [
  [
    "Zoë Ångström\nSoftware Engineer\nzoe.angstrom@example.se · +46 (0)70 123 45 67",
    { name: "Zoë Ångström", emails: ["zoe.angstrom@example.se"], phones: ["+46701234567"] },
  ],
  [
    "Curriculum Vitae\n\nJosé María de la Cruz y Núñez\nTeléfono: 612 34 56 78",
    { name: "José María de la Cruz y Núñez", phones: ["612 34 56 78"] },
  ],
  [
    "LEBENSLAUF\nPersönliche Daten\nName: Dr. Jürgen Groß\nTel. 030/1234567",
    { name: "Jürgen Groß", phones: ["030/1234567"] },
  ],
  ["Lebenslauf von Anne-Marie d’Aubigné\nGeboren am 01.02.1990", { name: "Anne-Marie d’Aubigné" }],
  [
    "Resume\nSenior Java Developer\nNguyễn Văn An\nvanan@example.vn",
    { name: "Nguyễn Văn An", emails: ["vanan@example.vn"] },
  ],
  [
    "Życiorys\nŁukasz Żółć\nlukasz.zolc@example.pl",
    { name: "Łukasz Żółć", emails: ["lukasz.zolc@example.pl"] },
  ],
  [
    "РЕЗЮМЕ\nОлена Шевченко\nтел.: +380 44 123-45-67",
    { name: "Олена Шевченко", phones: ["+380441234567"] },
  ],
  ["履歴書\n氏名: 山田 太郎\n電話: 03-1234-5678", { name: "山田 太郎", phones: ["03-1234-5678"] }],
  [
    "个人\n简历\n姓名：李小龍\n手机：＋８６ １３８ ００１３ ８０００",
    { name: "李小龍", phones: ["+8613800138000"] },
  ],
  [
    "Global Widgets Inc\nMaria O’Neill, PhD\n(415) 555-2671",
    { name: "Maria O’Neill", phones: ["(415) 555-2671"] },
  ],
  // The address distinguishes the person from the town.
  [
    "New York\nGrace Hopper\ngrace@example.com",
    { name: "Grace Hopper", emails: ["grace@example.com"] },
  ],
  ["Prof. Dr. Anna von der Heide | Architektin", { name: "Anna von der Heide" }],
  // Numbers other than phone numbers.
  ["2015 - 2019 Example AG\n01.02.2020 – 31.12.2021\n10115 Berlin\nISBN 978-3-16-148410-0", {}],
  ["call 0041 44 668 18 00 or +1-212-555-0100x7", { phones: ["+41446681800", "+12125550100"] }],
  ["IBAN DE89370400440532013000, build 1234567890123", {}],
  ["Write to ANNA@Example.ORG. Or: anna@example.org!", { emails: ["anna@example.org"] }],
  ["a@b, @handle, name@host, E-mail:jörg@münchen.example", { emails: ["jörg@münchen.example"] }],
  [
    "See (https://example.com/cv.html). www.anna.example, linkedin.com/in/anna-müller | github.com/anna",
    {
      links: [
        ...["https://example.com/cv.html", "https://www.anna.example/"],
        ...["https://linkedin.com/in/anna-m%C3%BCller", "https://github.com/anna"],
      ],
    },
  ],
  [
    "Node.js/TypeScript, and/or C++. ftp://example.com javascript:alert(1) http://me:pw@example.com/",
    {},
  ],
  ["EXPERIENCE\nEducation\nwe are looking for 3 people", {}],
  ["", {}],
];

for (const [text, found] of TABLE) {
  test(`findContacts() reads ${JSON.stringify(text.slice(0, 40))}`, () => {
    assert.deepEqual(findContacts(text), { ...NOTHING, ...found });
  });
}

test("findContacts() is done with a hostile text at once", () => {
  for (const piece of ["a", "a.", "1", "1 ", "+", "@", "a@a.", "A ", "http://", "Dr. ", "\n"]) {
    const text = piece.repeat(100_000);
    const { emails, phones, links } = findContacts(text);
    assert.ok(emails.length + phones.length + links.length <= 60);
  }
});

test("findContacts() limits the number of results", () => {
  const many = Array.from({ length: 1000 }, (_, i) => `a${i}@example.com https://example.com/${i}`);
  const { emails, links } = findContacts(many.join("\n"));
  assert.deepEqual([emails.length, links.length], [20, 20]);
});
