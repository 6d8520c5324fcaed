/** The whole service over S3, as `npm start` runs it; where it keeps files comes from the environment. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../../src/config.ts";
import { serve } from "../../src/runtime/node.ts";

const folder = process.argv[2] ?? ".";
const config = loadConfig({
  ...process.env,
  FILE_STORAGE_TYPE: "s3",
  DATABASE_URL: `sqlite:${join(folder, "stowage.db")}`,
  PORT: "0",
  LOG_LEVEL: "warn",
});
const server = await serve(config, {
  out: () => {},
  err: (text) => process.stderr.write(text),
  isTerminal: false,
});
const key = readFileSync(join(folder, "first-api-key"), "utf8").trim();
process.send?.({ url: server.url, key });
