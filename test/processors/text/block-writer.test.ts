import { expect, it } from "vitest";
import { BlockWriter } from "../../../processors/text/block-writer.ts";

function written(write: (writer: BlockWriter) => void): string {
  let text = "";
  write(
    new BlockWriter({
      add(piece) {
        text += piece;
        return true;
      },
    }),
  );
  return text;
}

function paragraph(writer: BlockWriter, ...pieces: string[]): void {
  for (const piece of pieces) writer.write(piece);
  writer.endBlock();
}

function table(writer: BlockWriter, rows: readonly (readonly string[])[]): void {
  writer.beginTable();
  for (const row of rows) {
    for (const cell of row) {
      paragraph(writer, cell);
      writer.endCell();
    }
    writer.endRow();
  }
  writer.endTable();
}

it("BlockWriter puts a blank line between paragraphs and leaves blank ones out", () => {
  const text = written((writer) => {
    paragraph(writer, " ");
    paragraph(writer, " a", "\n", "b\t");
    paragraph(writer, "");
    paragraph(writer, "c");
  });
  expect(text).toBe("a\nb\n\nc");
});

it("BlockWriter writes rows as lines and cells between tabs", () => {
  const text = written((writer) => {
    paragraph(writer, "before");
    table(writer, [
      ["a", "", "c\n d"],
      ["", ""],
      ["", "e", ""],
    ]);
    writer.write("after");
    writer.endBlock();
  });
  expect(text).toBe("before\n\na\t\tc d\n\te\n\nafter");
});

it("BlockWriter keeps rows together, whatever tables are in their cells", () => {
  const text = written((writer) => {
    writer.beginTable();
    for (const name of ["a", "b"]) {
      paragraph(writer, name);
      writer.endCell();
      table(writer, [["1", "2"]]);
      writer.endCell();
      writer.endRow();
    }
    writer.endTable();
    paragraph(writer, "after");
  });
  expect(text).toBe("a\t1 2\nb\t1 2\n\nafter");
});

it("BlockWriter makes a table in a cell part of the cell", () => {
  const text = written((writer) => {
    writer.beginTable();
    writer.write("a");
    table(writer, [["b", "c"], ["d"]]);
    writer.write("e");
    writer.endCell();
    paragraph(writer, "f");
    writer.endCell();
    writer.endRow();
    writer.endTable();
    paragraph(writer, "g");
  });
  expect(text).toBe("a b c d e\tf\n\ng");
});

it("BlockWriter writes what stands beside a paragraph before it", () => {
  const text = written((writer) => {
    writer.write("one ");
    writer.beginTextBox();
    paragraph(writer, "box");
    writer.endTextBox();
    paragraph(writer, "paragraph");
  });
  expect(text).toBe("box\n\none paragraph");
});

it.each([
  ["letters", "a".repeat(1000), "a".repeat(1e6)],
  ["words", `${"a".repeat(998)} `, `${`${"a".repeat(998)} `.repeat(999)}${"a".repeat(998)}`],
  ["white space", " ".repeat(1000), ""],
])("BlockWriter holds no more of a long block than it must (%s)", (_, piece, expected) => {
  const pieces: string[] = [];
  const writer = new BlockWriter({ add: (sent) => pieces.push(sent) > 0 });
  for (let i = 0; i < 1000; i += 1) writer.write(piece);
  expect(pieces.length).toBe(expected === "" ? 0 : 15);
  writer.endBlock();
  expect(pieces.join("")).toBe(expected);
});

it("BlockWriter holds no more of a long row than it must", () => {
  const pieces: string[] = [];
  const writer = new BlockWriter({ add: (sent) => pieces.push(sent) > 0 });
  table(writer, [Array.from({ length: 1000 }, () => "a".repeat(1000)), ["b"]]);
  expect(pieces.length).toBeGreaterThan(10);
  expect(pieces.join("")).toBe(`${Array(1000).fill("a".repeat(1000)).join("\t")}\nb`);
});

it("BlockWriter says when its sink is full, and sends it nothing more", () => {
  let asked = 0;
  const writer = new BlockWriter({ add: () => asked++ < 1 });
  paragraph(writer, "a");
  paragraph(writer, " ");
  expect(writer.full).toBe(false);
  paragraph(writer, "b");
  paragraph(writer, "c");
  expect({ full: writer.full, asked }).toEqual({ full: true, asked: 2 });
});
