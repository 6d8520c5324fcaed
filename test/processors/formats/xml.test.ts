import { expect, it } from "vitest";
import { readXml } from "../../../processors/formats/xml.ts";
import { inputOf } from "./input.ts";

const W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main";
const STRICT_W = "http://purl.oclc.org/ooxml/wordprocessingml/main";
const DC = "http://purl.org/dc/elements/1.1/";

async function events(xml: string, ignore: readonly string[] = []): Promise<string> {
  let found = "";
  const handler = {
    open(name: string, attributes: Readonly<Record<string, string>>) {
      found += `(${[name, ...Object.entries(attributes).map(([key, value]) => `${key}=${value}`)].join(" ")} `;
    },
    close(name: string) {
      found += ` ${name})`;
    },
    text(text: string) {
      found += text;
    },
  };
  await readXml(inputOf(Buffer.from(xml)).stream(), handler, {
    signal: new AbortController().signal,
    ignore: new Set(ignore),
  });
  return found;
}

it.each([
  ["its usual prefix", `<w:p xmlns:w="${W}" w:val="1" id="2"/>`, "(w:p w:val=1 id=2  w:p)"],
  ["another prefix", `<n:p xmlns:n="${W}" n:val="1"/>`, "(w:p w:val=1  w:p)"],
  ["the default namespace", `<p xmlns="${W}" val="1"/>`, "(w:p val=1  w:p)"],
  ["the strict format", `<w:p xmlns:w="${STRICT_W}"/>`, "(w:p  w:p)"],
  ["an unknown namespace", '<w:p xmlns:w="urn:x"/>', "(?:p  ?:p)"],
  ["an undeclared prefix", "<w:p w:a='1'/>", "(?:p ?:a=1  ?:p)"],
  ["no namespace", "<p/>", "(p  p)"],
])("readXml() names elements by their namespace: %s", async (_, xml, expected) => {
  expect(await events(xml)).toBe(expected);
});

it("readXml() lets a prefix mean what it does where it stands", async () => {
  const xml = `<a:x xmlns:a="${W}"><a:y xmlns:a="${DC}"/><a:z/></a:x>`;
  const names = (await events(xml)).match(/(?<=\()\S+/g);
  expect(names).toEqual(["w:x", "dc:y", "w:z"]);
});

it("readXml() skips ignored elements with their content", async () => {
  const xml = `<n:a xmlns:n="${DC}">1<n:b>2<n:b>3</n:b>4<n:c/></n:b>5</n:a>`;
  expect(await events(xml, ["dc:b"])).toBe("(dc:a 15 dc:a)");
});
