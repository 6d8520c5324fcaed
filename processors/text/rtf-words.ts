/** Control words for single characters. */
export const CHARACTERS: ReadonlyMap<string, string> = new Map([
  ["bullet", "\u2022"],
  ["emdash", "\u2014"],
  ["emspace", "\u2003"],
  ["endash", "\u2013"],
  ["enspace", "\u2002"],
  ["ldblquote", "\u201c"],
  ["line", "\n"],
  ["lquote", "\u2018"],
  ["ltrmark", "\u200e"],
  ["qmspace", "\u2005"],
  ["rdblquote", "\u201d"],
  ["rquote", "\u2019"],
  ["rtlmark", "\u200f"],
  ["tab", "\t"],
  ["zwj", "\u200d"],
  ["zwnj", "\u200c"],
]);

/** Characters after a backslash. Others show nothing. */
export const SYMBOLS: ReadonlyMap<string, string> = new Map([
  ["\t", "\t"],
  ["~", "\u00a0"],
  ["_", "\u2011"],
  ["-", "\u00ad"],
]);

/** End a paragraph, or something larger. */
export const BLOCK_ENDS: ReadonlySet<string> = new Set([
  "column",
  "nestcell",
  "nestrow",
  "page",
  "par",
  "sect",
]);

/** Optional destinations that are read anyway: drawings (`false`), and the text boxes in them (`true`). */
export const TEXT_BOXES: ReadonlyMap<string, boolean> = new Map([
  ["do", false],
  ["dptxbxtext", true],
  ["shpinst", false],
  ["shptxt", true],
]);

/** Destinations with a separate text. Some programs mark these as optional too. */
export const DESTINATIONS: ReadonlyMap<string, "note" | "header" | "footer"> = new Map([
  ["footer", "footer"],
  ["footerf", "footer"],
  ["footerl", "footer"],
  ["footerr", "footer"],
  ["footnote", "note"],
  ["header", "header"],
  ["headerf", "header"],
  ["headerl", "header"],
  ["headerr", "header"],
]);

/** Destinations without text of the document. Not all are marked as optional. */
export const SKIPPED: ReadonlySet<string> = new Set([
  "aftncn",
  "aftnsep",
  "aftnsepc",
  "annotation",
  "atnauthor",
  "atnid",
  "atnref",
  "atntime",
  "bkmkend",
  "bkmkstart",
  "colortbl",
  "datafield",
  "fldinst",
  "filetbl",
  "formfield",
  "ftncn",
  "ftnsep",
  "ftnsepc",
  "generator",
  "info",
  "listoverridetable",
  "listtable",
  "listtext",
  "nonesttables",
  "nonshppict",
  "objclass",
  "objdata",
  "objname",
  "pict",
  "pntext",
  "private",
  "revtbl",
  "rsidtbl",
  "rxe",
  "shprslt",
  "sp",
  "stylesheet",
  "tc",
  "tcn",
  "template",
  "themedata",
  "xe",
]);
