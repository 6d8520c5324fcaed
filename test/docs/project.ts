import { execFileSync } from "node:child_process";
import { installPackage } from "../support/package-sources.ts";
import { fastFolder } from "../support/temp-folder.ts";
import { blocksOf, writeBlocks } from "./blocks.ts";

const INSTALL = /npm i ([^#\n&]+)/;

/**
 * The folder of someone who follows a page: what its first lines for the shell make of an empty one, and its
 * sources. Packages are linked, not fetched.
 *
 * @param tools Libraries besides those that the page installs.
 */
export function project(document: string, ...tools: readonly string[]): string {
  const folder = fastFolder();
  const blocks = blocksOf(document);
  const { text: lines = "" } = blocks.find(({ language }) => language === "sh") ?? {};
  const script = lines.replace(INSTALL, "true");
  execFileSync("bash", ["-euc", script], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
  installPackage(folder, ...librariesOf(lines), ...tools);
  // A manifest is for what is published; the first lines have made one.
  const sources = blocks.filter(({ name }) => name !== "package.json");
  writeBlocks(sources, folder);
  return folder;
}

/** What `npm i stowage …` of these lines installs besides. */
export function librariesOf(lines: string): string[] {
  const [, names = ""] = INSTALL.exec(lines) ?? [];
  const [first, ...libraries] = names.trim().split(" ");
  if (first !== "stowage") throw new Error(`They install no Stowage: ${lines}`);
  return libraries;
}

/** The manifest that the page publishes with. */
export function manifestOf(document: string): {
  readonly exports: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
} {
  const block = blocksOf(document).find(({ name }) => name === "package.json");
  return JSON.parse(block?.text ?? "");
}
