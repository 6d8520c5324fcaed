import { spawnSync } from "node:child_process";
import type { Sort } from "./corpus.ts";

export interface Candidate {
  readonly name: string;
  /** In `contenders/`. */
  readonly module: string;
  readonly lanes: number;
  readonly formats: readonly Sort["format"][];
  /** A program that has to be installed. */
  readonly program?: string;
}

const PDFTOTEXT = { lanes: 1, formats: ["pdf"], program: "pdftotext" } as const;
const STOWAGE = { lanes: 1, formats: ["pdf", "docx"] } as const;

export const CANDIDATES: readonly Candidate[] = [
  { name: "pdftotext, a process each", module: "pdftotext", ...PDFTOTEXT },
  { name: "pdftotext, through stdin", module: "pdftotext-stdin", ...PDFTOTEXT },
  { name: "docx2txt", module: "docx2txt", lanes: 1, formats: ["docx"], program: "docx2txt" },
  { name: "pandoc", module: "pandoc", lanes: 1, formats: ["docx"], program: "pandoc" },
  { name: "stowage, no isolation", module: "in-process", ...STOWAGE },
  { name: "stowage, warm child", module: "warm", ...STOWAGE },
  { name: "stowage, child as served", module: "served", ...STOWAGE },
  { name: "pdftotext × 2", module: "pdftotext", ...PDFTOTEXT, lanes: 2 },
  { name: "stowage, children × 2", module: "served", ...STOWAGE, lanes: 2 },
];

/** Whether what `candidate` needs can be started here. */
export function isThere({ program: name }: Candidate): boolean {
  return name === undefined || spawnSync(name, ["--help"], { stdio: "ignore" }).error === undefined;
}
