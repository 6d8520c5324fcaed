import { program } from "./program.ts";

export const open = program("pandoc", (path) => ["--to=plain", path]);
