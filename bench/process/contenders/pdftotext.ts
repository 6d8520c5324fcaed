import { program } from "./program.ts";

export const open = program("pdftotext", (path) => [path, "-"]);
