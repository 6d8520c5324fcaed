/** Stowage as `npm start` runs it: durable files, records in SQLite, API keys. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../../src/config.ts";
import { serve } from "../../src/runtime/node.ts";
import { ready } from "./listening.ts";

const folder = process.argv[2] ?? ".";
const config = loadConfig({
  FILE_STORAGE_PATH: join(folder, "uploads"),
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
ready(server.url, key);
