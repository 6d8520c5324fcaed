import type { TextCollector } from "./collector.ts";

/** A node of mammoth's document tree (its `lib/documents.js`); each type has some of these. */
export interface DocxNode {
  readonly type: string;
  readonly children?: readonly DocxNode[];
  readonly value?: string;
  readonly checked?: boolean;
  readonly body?: readonly DocxNode[];
  readonly notes?: { resolve(reference: DocxNode): DocxNode | null };
}

/**
 * Write a document as text: a blank line between paragraphs, a line for each row of a table with tabs
 * between its cells, `[1]` where a note is referred to and the notes at the end. Stops once `text` takes no more.
 */
export function writeBlocks(document: DocxNode, text: TextCollector): void {
  const notes: DocxNode[] = [];
  if (!writeAll(document.children ?? [], notes, text)) return;
  // A note may refer to further notes, which then join the end of the list.
  for (const [i, reference] of notes.entries()) {
    const body = document.notes?.resolve(reference)?.body ?? [];
    if (!text.add(`[${i + 1}] `) || !writeAll(body, notes, text)) return;
  }
}

/** @returns Whether there was room for all of it. */
function writeAll(nodes: readonly DocxNode[], notes: DocxNode[], text: TextCollector): boolean {
  return nodes.every((node) => {
    const block = (node.type === "table" ? rows(node, notes) : inline(node, notes)).trim();
    return block === "" || text.add(`${block}\n\n`);
  });
}

function rows(table: DocxNode, notes: DocxNode[]): string {
  return (table.children ?? [])
    .map((row) =>
      (row.children ?? [])
        .map((cell) => cellText(cell, notes))
        .join("\t")
        .trimEnd(),
    )
    .join("\n");
}

/** Everything in a cell on one line, so that rows stay rows. */
function cellText(cell: DocxNode, notes: DocxNode[]): string {
  const blocks = (cell.children ?? []).map((node) =>
    node.type === "table" ? rows(node, notes) : inline(node, notes),
  );
  return blocks.join(" ").replace(/\s+/g, " ").trim();
}

function inline(node: DocxNode, notes: DocxNode[]): string {
  switch (node.type) {
    case "text":
      return node.value ?? "";
    case "tab":
      return "\t";
    case "break":
      return "\n";
    case "checkbox":
      return node.checked ? "☒" : "☐";
    case "noteReference":
      return `[${notes.push(node)}]`;
    default:
      return (node.children ?? []).map((child) => inline(child, notes)).join("");
  }
}
