import { program } from "./program.ts";

export const open = program("docx2txt", (path) => [path, "-"]);
