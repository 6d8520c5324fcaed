import { deflateSync } from "node:zlib";
import { FONT, onePage, pdfOf, show } from "../fixtures/pdf.ts";
import { pdfStream } from "../fixtures/pdf-writer.ts";
import { deflatedRepeat } from "../fixtures/zip-writer.ts";
import { type Bomb, bomb, type End } from "./bomb.ts";

const MIB = 1024 * 1024;
const TOO_MUCH: readonly End[] = ["document_too_complex"];
/** Readers mend what they can: what is left may be text, none, or nothing to be made sense of. */
const MENDED: readonly End[] = [
  "processed",
  "document_has_no_pages",
  "document_has_no_text",
  "document_unreadable",
  "document_truncated",
  "document_wrong_type",
];
const ANY: readonly End[] = [...MENDED, ...TOO_MUCH];

const HELLO = pdfStream(show("A good page"));
const GOOD = onePage([HELLO]);

export const PDFS: readonly Bomb[] = [
  bomb("inflated-content.pdf", "memory: 1 GiB of operators in a content stream", TOO_MUCH, () =>
    pdfOf(onePage([hugeStream("1 0 0 1 9 9 cm ".repeat(70_000), 1024)])),
  ),
  bomb("inflated-space.pdf", "memory: 1 GiB of white space in a content stream", TOO_MUCH, () =>
    pdfOf(onePage([hugeStream(" ".repeat(MIB), 1024)])),
  ),
  bomb("endless-text.pdf", "time: a page of 20 million words", TOO_MUCH, () =>
    pdfOf(
      onePage([hugeStream(`BT /F 9 Tf ${"1 0 0 1 9 9 Tm (boom) Tj ".repeat(2_000)} ET `, 10_000)]),
    ),
  ),
  bomb("filters-on-filters.pdf", "memory: 1 GiB, compressed four times over", ANY, () => {
    const once = deflateSync(Buffer.alloc(256 * MIB, " "), { level: 9 });
    const bytes = [0, 0].reduce((inner) => deflateSync(inner, { level: 9 }), once);
    return pdfOf(
      onePage([pdfStream(bytes, "/Filter [/FlateDecode /FlateDecode /FlateDecode]", true)]),
    );
  }),
  bomb("a-hundred-filters.pdf", "time: a stream with 100,000 filters", ANY, () =>
    pdfOf(onePage([pdfStream("x", `/Filter [${"/ASCIIHexDecode ".repeat(100_000)}]`, true)])),
  ),
  bomb("run-lengths.pdf", "memory: run lengths of run lengths", ANY, () => {
    // 7.4.5: 129 stands for 128 times the next byte.
    const inner = Buffer.alloc(4 * MIB, Buffer.from([129, 129]));
    return pdfOf(onePage([pdfStream(inner, "/Filter [/RunLengthDecode /RunLengthDecode]", true)]));
  }),
  bomb("predictor.pdf", "memory: a predictor of 2^31 columns", ANY, () =>
    pdfOf(
      onePage([
        pdfStream(
          deflateSync(show("x")),
          "/Filter /FlateDecode /DecodeParms << /Predictor 15 /Columns 2147483647 /Colors 32 /BitsPerComponent 16 >>",
          true,
        ),
      ]),
    ),
  ),
  bomb(
    "nested-object-streams.pdf",
    "recursion: object streams that extend each other",
    MENDED,
    () =>
      pdfOf([
        ...GOOD,
        pdfStream("7 0 << /Boom 6 0 R >>", "/Type /ObjStm /N 1 /First 4 /Extends 6 0 R"),
        pdfStream("7 0 << /Boom 5 0 R >>", "/Type /ObjStm /N 1 /First 4 /Extends 5 0 R"),
      ]),
  ),
  bomb(
    "object-stream-of-itself.pdf",
    "recursion: a cross-reference that finds a stream inside itself",
    MENDED,
    streamInItself,
  ),
  bomb("object-stream-claims.pdf", "memory: an object stream of 2^31 objects", MENDED, () =>
    pdfOf([...GOOD, pdfStream("7 0 <<>>", "/Type /ObjStm /N 2147483647 /First 4")], "/Info 7 0 R"),
  ),
  bomb(
    "previous-tables.pdf",
    "loops: cross-reference tables that follow each other round",
    MENDED,
    () => {
      const draft = pdfOf(GOOD, "/Prev 0000000000");
      const at = String(draft.lastIndexOf("xref\n0 ")).padStart(10, "0");
      return Buffer.from(draft.toString("latin1").replace("0000000000 >>", `${at} >>`), "latin1");
    },
  ),
  bomb("table-claims.pdf", "time: a cross-reference table of 2^31 entries", MENDED, () =>
    Buffer.from(
      pdfOf(GOOD).toString("latin1").replace("xref\n0 5", "xref\n0 2147483647"),
      "latin1",
    ),
  ),
  bomb(
    "cross-reference-stream.pdf",
    "memory: a cross-reference stream of 2^31 entries, a gigabyte wide",
    MENDED,
    () => {
      const body = pdfOf(GOOD);
      const at = body.lastIndexOf("xref\n0 ");
      const stream = pdfStream(
        "",
        "/Type /XRef /Size 2147483647 /W [1 1073741824 1073741824] /Index [0 2147483647] /Root 1 0 R",
      );
      return Buffer.concat([
        body.subarray(0, at),
        Buffer.from("9 0 obj\n"),
        stream,
        Buffer.from(`\nendobj\nstartxref\n${at}\n%%EOF\n`),
      ]);
    },
  ),
  bomb("inflated-table.pdf", "memory: 512 MiB of a cross-reference stream", ANY, () => {
    const body = pdfOf(GOOD);
    const at = body.lastIndexOf("xref\n0 ");
    const stream = hugeStream(
      "\x01\x00\x10\x00".repeat(MIB / 4),
      512,
      "/Type /XRef /Size 134217728 /W [1 2 1] /Root 1 0 R",
    );
    return Buffer.concat([
      body.subarray(0, at),
      Buffer.from("9 0 obj\n"),
      stream,
      Buffer.from(`\nendobj\nstartxref\n${at}\n%%EOF\n`),
    ]);
  }),
  bomb("pages-in-a-circle.pdf", "loops: a tree of pages that is none", MENDED, () =>
    pdfOf([
      "<< /Type /Catalog /Pages 2 0 R >>",
      "<< /Type /Pages /Kids [3 0 R] /Count 9 /Parent 3 0 R >>",
      "<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 9 /Parent 2 0 R >>",
    ]),
  ),
  bomb("parents-in-a-circle.pdf", "loops: pages that inherit from each other", MENDED, () =>
    pdfOf([
      "<< /Type /Catalog /Pages 2 0 R >>",
      "<< /Type /Pages /Kids [3 0 R] /Count 1 /Parent 3 0 R >>",
      "<< /Type /Page /Parent 2 0 R /Contents 4 0 R >>",
      HELLO,
    ]),
  ),
  bomb("many-pages.pdf", "time: 100,000 pages that are all one object", ANY, () =>
    pdfOf([
      "<< /Type /Catalog /Pages 2 0 R >>",
      `<< /Type /Pages /Count 100000 /Kids [${"3 0 R ".repeat(100_000)}] >>`,
      ...onePage([HELLO]).slice(2),
    ]),
  ),
  bomb("doubling-pages.pdf", "time: a tree that doubles the pages 30 times", ANY, () => {
    const levels = Array.from({ length: 30 }, (_, i) => {
      const kid = i === 29 ? 3 : i + 6;
      return `<< /Type /Pages /Parent ${i === 0 ? 2 : i + 4} 0 R /Count ${2 ** (30 - i)} /Kids [${kid} 0 R ${kid} 0 R] >>`;
    });
    const [catalog = "", , page = "", content = ""] = GOOD;
    return pdfOf([
      catalog,
      `<< /Type /Pages /Kids [5 0 R] /Count ${2 ** 30} >>`,
      page,
      content,
      ...levels,
    ]);
  }),
  bomb("page-claims.pdf", "time: 2^31 pages claimed, one there", ANY, () =>
    pdfOf([
      "<< /Type /Catalog /Pages 2 0 R >>",
      "<< /Type /Pages /Kids [3 0 R] /Count 2147483647 >>",
      ...GOOD.slice(2),
    ]),
  ),
  bomb("zero-pages.pdf", "nothing: no page at all", ["document_has_no_pages"], () =>
    pdfOf(["<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [] /Count 0 >>"]),
  ),
  bomb("million-objects.pdf", "memory: a tree of a million objects", ANY, () => {
    // A page tree, 100 wide and three deep: 1,010,100 nodes and leaves.
    const objects: string[] = [];
    const add = (object: string) => objects.push(object) + 1;
    const kids = (make: () => number) =>
      Array.from({ length: 100 }, () => `${make()} 0 R`).join(" ");
    const leaf = () => add("<< /Type /Page /Parent 2 0 R >>");
    const branch = () => add(`<< /Type /Pages /Count 100 /Kids [${kids(leaf)}] >>`);
    const bough = () => add(`<< /Type /Pages /Count 10000 /Kids [${kids(branch)}] >>`);
    const root = add(`<< /Type /Pages /Count 1000000 /Kids [${kids(bough)}] >>`);
    return pdfOf([`<< /Type /Catalog /Pages ${root} 0 R >>`, ...objects]);
  }),
  bomb(
    "lengths-that-lie.pdf",
    "arithmetic: streams of length -1, 2^63 and of another object",
    MENDED,
    () =>
      pdfOf(
        onePage([
          "[5 0 R 6 0 R 7 0 R]",
          pdfStream(show("minus"), "/Length -1"),
          pdfStream(show("far"), "/Length 9223372036854775807"),
          pdfStream(show("self"), "/Length 7 0 R"),
        ]),
      ),
  ),
  bomb("forms-in-a-circle.pdf", "recursion: drawings that draw each other", ANY, () =>
    pdfOf(
      onePage(
        [
          pdfStream(`${show("A good page")} /X Do`),
          form("/Y Do", "/Y 6 0 R"),
          form("/X Do", "/X 5 0 R"),
        ],
        {
          page: `/Resources << /Font << /F ${FONT} >> /XObject << /X 5 0 R >> >>`,
        },
      ),
    ),
  ),
  bomb("forms-that-double.pdf", "time: drawings that draw ten others, twelve deep", ANY, () => {
    const levels = Array.from({ length: 12 }, (_, i) =>
      form("/X Do ".repeat(10), `/X ${i + 6} 0 R`),
    );
    return pdfOf(
      onePage([pdfStream("/X Do"), ...levels, form(show("boom"), "")], {
        page: "/Resources << /XObject << /X 5 0 R >> >>",
      }),
    );
  }),
  bomb("giant-image.pdf", "memory: an image of 2^31 by 2^31", MENDED, () =>
    pdfOf(
      onePage(
        [
          pdfStream(`${show("A good page")} /I Do`),
          pdfStream(
            "x",
            "/Type /XObject /Subtype /Image /Width 2147483647 /Height 2147483647 /ColorSpace /DeviceCMYK /BitsPerComponent 16",
          ),
        ],
        { page: `/Resources << /Font << /F ${FONT} >> /XObject << /I 5 0 R >> >>` },
      ),
    ),
  ),
  bomb("inline-images.pdf", "time: 100,000 images in the content, none of which ends", ANY, () =>
    pdfOf(onePage([hugeStream("BI /W 99999 /H 99999 /BPC 8 /CS /RGB ID boom ", 100_000)])),
  ),
  bomb("deep-arrays.pdf", "recursion: arrays a million deep", MENDED.concat(TOO_MUCH), () =>
    pdfOf(onePage([HELLO], { page: `/Boom ${"[".repeat(1_000_000)}${"]".repeat(1_000_000)}` })),
  ),
  bomb(
    "deep-dictionaries.pdf",
    "recursion: dictionaries 300,000 deep",
    MENDED.concat(TOO_MUCH),
    () =>
      pdfOf(
        onePage([HELLO], { page: `/Boom ${"<< /A ".repeat(300_000)}0${" >>".repeat(300_000)}` }),
      ),
  ),
  bomb("deep-operands.pdf", "recursion: arrays in a content stream, a million deep", ANY, () =>
    pdfOf(onePage([hugeStream("[".repeat(1000), 1000)])),
  ),
  bomb("deep-strings.pdf", "time: a string whose parentheses never close", ANY, () =>
    pdfOf(onePage([hugeStream("(".repeat(MIB), 64)])),
  ),
  bomb("scripts.pdf", "code: JavaScript when it is opened", ["processed"], ({ url }) =>
    pdfOf(
      onePage([HELLO, `<< /S /JavaScript /JS (for(;;\\) app.launchURL\\("${url}/script"\\);) >>`], {
        catalog:
          "/OpenAction 5 0 R /AA << /WC 5 0 R >> /Names << /JavaScript << /Names [(a) 5 0 R] >> >>",
      }),
    ),
  ),
  bomb(
    "encrypted.pdf",
    "nothing: encrypted in an unknown way",
    ["document_encrypted", "document_unreadable"],
    () =>
      pdfOf(
        [
          ...GOOD,
          `<< /Filter /Standard /V 2 /R 3 /Length 128 /P -4 /O <${"61".repeat(32)}> /U <${"62".repeat(32)}> >>`,
        ],
        "/Encrypt 5 0 R /ID [<00><00>]",
      ),
  ),
  bomb(
    "encryption-claims.pdf",
    "arithmetic: encryption with a key of 2^31 bits",
    ["document_encrypted", "document_unreadable"],
    () =>
      pdfOf(
        [...GOOD, "<< /Filter /Standard /V 4 /R 4 /Length 2147483647 /P -4 /O <61> /U <62> >>"],
        "/Encrypt 5 0 R /ID [<00><00>]",
      ),
  ),
  bomb("wide-character-map.pdf", "memory: a font that maps 2^32 codes", ANY, () =>
    pdfOf(
      withFont(
        "/ToUnicode 6 0 R",
        cmap("1 beginbfrange <00000000> <FFFFFFFF> <0041> endbfrange".repeat(1000)),
      ),
    ),
  ),
  bomb("huge-character-map.pdf", "memory: 300 MiB of a font's character map", ANY, () => {
    const range = "100 beginbfrange <0000> <FFFF> <0041> endbfrange\n";
    return pdfOf(withFont("/ToUnicode 6 0 R", hugeStream(range.repeat(1000), 6000)));
  }),
  bomb("maps-that-use-maps.pdf", "recursion: character maps that use each other", ANY, () =>
    pdfOf(
      withFont(
        "/Encoding 6 0 R",
        pdfStream("/Other usecmap", "/Type /CMap /CMapName /One /UseCMap 7 0 R"),
        pdfStream("/One usecmap", "/Type /CMap /CMapName /Other /UseCMap 6 0 R"),
      ),
    ),
  ),
  bomb("wide-widths.pdf", "memory: widths of 2^31 characters", ANY, () =>
    pdfOf(
      withFont(
        "/DescendantFonts [<< /Type /Font /Subtype /CIDFontType2 /BaseFont /B /W [0 2147483647 500] /CIDSystemInfo << /Registry (A) /Ordering (B) /Supplement 0 >> /FontDescriptor 6 0 R >>]",
        "<< /Type /FontDescriptor /FontName /B /Flags 4 >>",
      ),
    ),
  ),
  bomb("letters-that-draw.pdf", "recursion: a font whose letters draw themselves", ANY, () =>
    pdfOf(
      onePage(
        [
          pdfStream("BT /T 12 Tf (a) Tj ET"),
          "<< /Type /Font /Subtype /Type3 /FontBBox [0 0 9 9] /FontMatrix [1 0 0 1 0 0] /FirstChar 97 /LastChar 97 /Widths [9] /Encoding << /Differences [97 /a] >> /CharProcs << /a 6 0 R >> /Resources << /Font << /T 5 0 R >> >> >>",
          pdfStream("9 0 d0 BT /T 12 Tf (aaaaaaaaaa) Tj ET"),
        ],
        { page: "/Resources << /Font << /T 5 0 R >> >>" },
      ),
    ),
  ),
  bomb(
    "names-in-a-circle.pdf",
    "loops: outlines, names and numbers that lead back",
    ["processed"],
    () =>
      pdfOf(
        onePage(
          [
            HELLO,
            "<< /Kids [5 0 R 5 0 R] /First 5 0 R /Last 5 0 R /Next 5 0 R /Prev 5 0 R /Parent 5 0 R /Limits [(a) (z)] >>",
          ],
          {
            catalog:
              "/Names << /Dests 5 0 R /EmbeddedFiles 5 0 R >> /PageLabels 5 0 R /Outlines 5 0 R /StructTreeRoot 5 0 R",
          },
        ),
      ),
  ),
  bomb("only-junk.pdf", "time: a header, then 32 MiB that look like objects", ANY, () =>
    Buffer.from(`%PDF-1.7\n${"1 0 obj\n<<\n".repeat(3_000_000)}`),
  ),
];

function form(content: string, objects: string): Buffer {
  const resources = `/Resources << /Font << /F ${FONT} >> /XObject << ${objects} >> >>`;
  return pdfStream(content, `/Type /XObject /Subtype /Form /BBox [0 0 595 842] ${resources}`);
}

/** A page with a line in a composite font, which object 5 is. */
function withFont(font: string, ...rest: readonly (string | Uint8Array)[]) {
  const encoding = font.includes("/Encoding") ? "" : "/Encoding /Identity-H";
  const descendants = font.includes("/Descendant")
    ? ""
    : "/DescendantFonts [<< /Type /Font /Subtype /CIDFontType2 /BaseFont /B /CIDSystemInfo << /Registry (A) /Ordering (B) /Supplement 0 >> >>]";
  return onePage(
    [
      pdfStream("BT /F 12 Tf 50 700 Td <00410042> Tj ET"),
      `<< /Type /Font /Subtype /Type0 /BaseFont /B ${encoding} ${descendants} ${font} >>`,
      ...rest,
    ],
    { page: "/Resources << /Font << /F 5 0 R >> >>" },
  );
}

function cmap(ranges: string): Buffer {
  return pdfStream(
    `/CIDInit /ProcSet findresource begin begincmap 1 begincodespacerange <00000000> <FFFFFFFF> endcodespacerange ${ranges} endcmap`,
  );
}

/** 7.5.8: entries of type 2 say in which object stream an object is; here every one is in object 5. */
function streamInItself(): Buffer {
  const body = pdfOf([...GOOD, pdfStream("5 0 << >>", "/Type /ObjStm /N 1 /First 4")]);
  const at = body.lastIndexOf("xref\n0 ");
  const entries = Buffer.from(Array.from({ length: 7 }, (_, i) => [2, 0, 5, i]).flat());
  const table = pdfStream(entries, "/Type /XRef /Size 7 /W [1 2 1] /Root 1 0 R");
  return Buffer.concat([
    body.subarray(0, at),
    Buffer.from("6 0 obj\n"),
    table,
    Buffer.from(`\nendobj\nstartxref\n${at}\n%%EOF\n`),
  ]);
}

/** A compressed stream of `piece`, repeated. Its checksum is left out, which readers do not miss. */
function hugeStream(piece: string, times: number, dictionary = ""): Buffer {
  const { deflated } = deflatedRepeat("", piece, times, "");
  const zlib = Buffer.concat([Buffer.from([0x78, 0x9c]), deflated]);
  return pdfStream(zlib, `${dictionary} /Filter /FlateDecode`, true);
}
