import { FONT, onePage, pdfOf, show } from "../fixtures/pdf.ts";
import { pdfStream } from "../fixtures/pdf-writer.ts";
import { archive } from "../fixtures/zip-writer.ts";
import { type Bomb, bomb, type Canary, type End } from "./bomb.ts";
import { book, openText, paragraph, shape, sheet, slides, word, xml } from "./office.ts";

const READ: readonly End[] = ["processed"];
const CANARIES = "canaries: ";

/** Documents that refer to a file and to a page; a reader of text has no use for either. */
export const REFERENCES: readonly Bomb[] = [
  bomb(
    "references.docx",
    `${CANARIES}template, linked picture, OLE, subdocument, fields`,
    READ,
    (canary) => {
      const kinds = [
        "attachedTemplate",
        "image",
        "oleObject",
        "subDocument",
        "aFChunk",
        "frame",
        "hyperlink",
      ];
      const relations = kinds.flatMap((type) =>
        targets(canary).map((target) => ({ type, target: attribute(target), external: true })),
      );
      // rId1 belongs to the styles.
      const ids = relations.map((_, i) => `rId${i + 2}`);
      const pictures = ids.map(
        (id) =>
          `<w:p><w:r><w:drawing><wp:inline xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"><a:graphic xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"><a:graphicData><pic:pic xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture"><pic:blipFill><a:blip r:link="${id}" r:embed="${id}"/></pic:blipFill></pic:pic></a:graphicData></a:graphic></wp:inline></w:drawing></w:r></w:p><w:altChunk r:id="${id}"/><w:subDoc r:id="${id}"/><w:p><w:hyperlink r:id="${id}"><w:r><w:t>link</w:t></w:r></w:hyperlink></w:p>`,
      );
      const fields = targets(canary).flatMap((target) =>
        ["INCLUDETEXT", "INCLUDEPICTURE", "DDEAUTO cmd", "LINK Word.Document.8", "IMPORT"].map(
          (name) =>
            `<w:p><w:fldSimple w:instr=' ${name} "${attribute(target)}" '><w:r><w:t>field</w:t></w:r></w:fldSimple></w:p>`,
        ),
      );
      return archive(
        word(paragraph("visible") + pictures.join("") + fields.join(""), [], relations),
      );
    },
  ),
  bomb("references.xlsx", `${CANARIES}links, queries, WEBSERVICE and DDE`, READ, (canary) => {
    const relations = ["externalLink", "connections", "hyperlink"].flatMap((type) =>
      targets(canary).map((target) => ({ type, target: attribute(target), external: true })),
    );
    const formulas = targets(canary).flatMap((target) => [
      `WEBSERVICE("${target}")`,
      `IMAGE("${target}")`,
      `'[${target}]One'!A1`,
      `cmd|'/c ${target}'!A1`,
    ]);
    const cells = formulas.map(
      (formula, i) =>
        `<row r="${i + 2}"><c r="A${i + 2}"><f>${attribute(formula)}</f><v>1</v></c></row>`,
    );
    const first = '<row r="1"><c r="A1" t="s"><v>0</v></c></row>';
    return archive(sheet(first + cells.join(""), [], relations));
  }),
  bomb("references.pptx", `${CANARIES}linked media and actions`, READ, (canary) =>
    archive(
      slides(
        shape("visible"),
        [],
        1,
        ["image", "audio", "video", "media", "oleObject", "hyperlink"].flatMap((type) =>
          targets(canary).map((target) => ({ type, target: attribute(target), external: true })),
        ),
      ),
    ),
  ),
  bomb("references.odt", `${CANARIES}pictures, sections, objects, events`, READ, (canary) => {
    const linked = targets(canary).flatMap((target) => {
      const href = `xlink:href="${attribute(target)}" xlink:type="simple" xlink:actuate="onLoad"`;
      return [
        `<text:p><draw:frame><draw:image ${href}/></draw:frame></text:p>`,
        `<text:section text:name="s"><text:section-source ${href}/></text:section>`,
        `<text:p><draw:frame><draw:object ${href}/><draw:floating-frame ${href}/></draw:frame></text:p>`,
        `<text:p><text:a ${href}>link</text:a></text:p>`,
      ];
    });
    return archive(openText(`<text:p>visible</text:p>${linked.join("")}`));
  }),
  bomb("references.epub", `${CANARIES}manifest, links, XInclude`, READ, (canary) =>
    archive([
      ...book(`<p>visible</p>${markup(canary)}`),
      xml(
        "META-INF/encryption.xml",
        `<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container">${targets(canary)
          .map((target) => `<CipherReference URI="${attribute(target)}"/>`)
          .join("")}</encryption>`,
      ),
    ]),
  ),
  bomb(
    "spine-elsewhere.epub",
    `${CANARIES}a spine whose chapters are elsewhere`,
    ["processed", "document_unreadable", "document_empty"],
    (canary) => {
      const items = targets(canary).concat(`../../../../../../..${canary.path}`);
      const [mimetype, container] = book("");
      return archive([
        mimetype ?? { name: "mimetype" },
        container ?? { name: "container" },
        xml(
          "book.opf",
          `<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata/><manifest>${items.map((item, i) => `<item id="i${i}" href="${attribute(item)}" media-type="application/xhtml+xml"/>`).join("")}</manifest><spine>${items.map((_, i) => `<itemref idref="i${i}"/>`).join("")}</spine></package>`,
        ),
      ]);
    },
  ),
  bomb("references.html", `${CANARIES}everything that a browser fetches`, READ, (canary) =>
    Buffer.from(
      `<!DOCTYPE html><html><head><title>t</title><base href="${canary.url}/">${head(canary)}</head><body><p>visible</p>${markup(canary)}</body></html>`,
    ),
  ),
  bomb("references.md", `${CANARIES}pictures, links and markup`, READ, (canary) =>
    Buffer.from(
      `visible\n\n${targets(canary)
        .map((target) => `![picture](${target}) [link](${target}) <${target}>`)
        .join("\n\n")}\n\n${markup(canary)}\n`,
    ),
  ),
  bomb("references.eml", `${CANARIES}external bodies, HTML and receipts`, READ, (canary) =>
    Buffer.from(
      [
        "From: a@example.com",
        "To: b@example.com",
        "Subject: visible",
        `Disposition-Notification-To: ${canary.url}`,
        `List-Unsubscribe: <${canary.url}/unsubscribe>`,
        "MIME-Version: 1.0",
        'Content-Type: multipart/related; boundary="b"',
        "",
        "--b",
        "Content-Type: text/html",
        "",
        `<p>visible</p>${markup(canary)}`,
        "--b",
        `Content-Type: message/external-body; access-type=local-file; name="${canary.path}"`,
        "",
        "Content-Type: text/plain",
        "",
        "--b",
        `Content-Type: message/external-body; access-type=URL; URL="${canary.url}/body"`,
        "",
        "Content-Type: text/plain",
        "",
        "--b--",
        "",
      ].join("\r\n"),
    ),
  ),
  bomb("references.rtf", `${CANARIES}templates, fields, objects, subdocuments`, READ, (canary) =>
    Buffer.from(
      `{\\rtf1\\ansi ${targets(canary)
        .map(
          (target) =>
            `{\\*\\template ${target}}{\\field{\\*\\fldinst INCLUDETEXT "${target}"}{\\fldrslt field}}{\\field{\\*\\fldinst INCLUDEPICTURE "${target}"}{\\fldrslt field}}{\\object\\objautlink\\objupdate{\\*\\objclass Word.Document.8}{\\*\\objdata ${Buffer.from(target).toString("hex")}}{\\result object}}{\\subdocument ${target}}`,
        )
        .join("")}visible\\par}`,
    ),
  ),
  bomb("references.pdf", `${CANARIES}links, launches, forms, other files`, READ, (canary) => {
    const actions = targets(canary).flatMap((target) => [
      `<< /S /URI /URI (${target}) >>`,
      `<< /S /GoToR /F (${target}) /D [0 /Fit] >>`,
      `<< /S /Launch /F (${target}) /Win << /F (${target}) >> >>`,
      `<< /S /SubmitForm /F << /FS /URL /F (${target}) >> >>`,
      `<< /S /ImportData /F (${target}) >>`,
    ]);
    const links = actions.map(
      (action) =>
        `<< /Type /Annot /Subtype /Link /Rect [0 0 99 99] /A ${action} /AA << /PO ${action} >> >>`,
    );
    const form = `<xdp:xdp xmlns:xdp="http://ns.adobe.com/xdp/"><template xmlns="http://www.xfa.org/schema/xfa-template/3.3/"><subform><field><ui><imageEdit/></ui><value><image href="${canary.url}/form"/></value></field></subform></template></xdp:xdp>`;
    return pdfOf(
      onePage(
        [
          pdfStream(`${show("visible")} /X Do`),
          pdfStream(
            `<!DOCTYPE x SYSTEM "${canary.url}/dtd" [<!ENTITY f SYSTEM "file://${canary.path}">]>${form}`,
          ),
          // 8.10.4: a drawing that is a page of another file; and a stream whose bytes are in one (7.3.8.2).
          `<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Ref << /F (${canary.path}) /Page 0 >> /F (${canary.path}) /Length 0 >>\nstream\n\nendstream`,
        ],
        {
          catalog: `/OpenAction ${actions[0]} /AcroForm << /XFA 5 0 R /Fields [] >> /URI << /Base (${canary.url}) >>`,
          page: `/Annots [${links.join(" ")}] /Resources << /Font << /F ${FONT} >> /XObject << /X 6 0 R >> >>`,
        },
      ),
    );
  }),
  bomb("references.csv", `${CANARIES}formulas that a spreadsheet would run`, READ, (canary) =>
    Buffer.from(
      targets(canary)
        .map(
          (target) =>
            `visible,"=WEBSERVICE(""${target}"")","=cmd|'/c ${target}'!A1","=IMPORTXML(""${target}"",1)"`,
        )
        .join("\n"),
    ),
  ),
  {
    ...bomb("references.svg", `${CANARIES}images, styles and uses of SVG`, READ, (canary) =>
      Buffer.from(
        `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"><text>visible</text>${targets(
          canary,
        )
          .map(
            (target) =>
              `<image xlink:href="${attribute(target)}"/><use href="${attribute(target)}#a"/>`,
          )
          .join("")}<script>fetch(${JSON.stringify(canary.url)})</script></svg>`,
      ),
    ),
    contentType: "image/svg+xml",
  },
];

/** The ways to say where the canaries are. */
function targets({ path, url }: Canary): string[] {
  return [`${url}/reference`, `file://${path}`, path, `\\\\${url.slice("http://".length)}\\share`];
}

function head({ url }: Canary): string {
  return [
    `<meta http-equiv="refresh" content="0;url=${url}/refresh">`,
    ...["stylesheet", "preload", "prefetch", "icon", "dns-prefetch", "import", "manifest"].map(
      (rel) => `<link rel="${rel}" href="${url}/${rel}" as="fetch">`,
    ),
    `<style>@import "${url}/css"; p { background: url(${url}/css-image) }</style>`,
    `<script src="${url}/script"></script><script>fetch(${JSON.stringify(url)})</script>`,
  ].join("");
}

function markup(canary: Canary): string {
  return targets(canary)
    .map(attribute)
    .map(
      (target) =>
        `<img src="${target}" srcset="${target} 2x" onerror="fetch('${target}')" alt="picture"/><iframe src="${target}"></iframe><object data="${target}"></object><embed src="${target}"/><video src="${target}" poster="${target}"></video><a href="${target}" ping="${target}">link</a><xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="${target}" parse="text"></xi:include>`,
    )
    .join("\n");
}

function attribute(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
}
