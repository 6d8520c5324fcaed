import { execFile } from "node:child_process";
import { globSync, mkdirSync, readFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);

export const ROOT = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

/** What a shell of someone else has: this Node first, and nothing of the npm that runs the tests. */
export const ENV: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries({
    ...process.env,
    NODE_ENV: undefined,
    PATH: [dirname(process.execPath), process.env["PATH"]].join(delimiter),
  }).filter((entry): entry is [string, string] => {
    const [name, value] = entry;
    return value !== undefined && !/^(?:npm_|vitest|INIT_CWD)/i.test(name);
  }),
);

export interface Manifest {
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly dependencies: Readonly<Record<string, string>>;
}

/** The package as it would be published: `npm pack`, unpacked, and installed into an empty folder. */
export class Packed {
  readonly tarball: string;
  /** Its files by their path. */
  readonly files: ReadonlyMap<string, Buffer>;
  /** A folder of someone who has installed it, and nothing else. */
  readonly app: string;

  private constructor(tarball: string, files: ReadonlyMap<string, Buffer>, app: string) {
    this.tarball = tarball;
    this.files = files;
    this.app = app;
  }

  static async into(folder: string): Promise<Packed> {
    const [unpacked, app] = ["unpacked", "app"].map((name) => join(folder, name)) as [
      string,
      string,
    ];
    for (const each of [unpacked, app]) mkdirSync(each);
    await run("npm", ["pack", "--pack-destination", folder], { cwd: ROOT, env: ENV });
    const [name = ""] = globSync("stowage-*.tgz", { cwd: folder });
    const tarball = join(folder, name);
    await run("tar", ["-xzf", tarball, "-C", unpacked]);
    const packed = new Packed(tarball, readFiles(join(unpacked, "package")), app);
    await packed.run("npm", "i", "--prefer-offline", "--no-audit", "--no-fund", `../${name}`);
    return packed;
  }

  get manifest(): Manifest {
    return JSON.parse(String(this.files.get("package.json"))) as Manifest;
  }

  /** Run a program in the app's folder. @returns Its standard output. */
  async run(program: string, ...args: readonly string[]): Promise<string> {
    return (await run(program, args, { cwd: this.app, env: ENV })).stdout;
  }
}

function readFiles(folder: string): Map<string, Buffer> {
  const entries = globSync("**/*", { cwd: folder, withFileTypes: true });
  const files = entries.filter((entry) => !entry.isDirectory());
  return new Map(
    files.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [path.slice(folder.length + 1), readFileSync(path)];
    }),
  );
}
