/** A process that looks through a database and can be killed meanwhile, which no thread in SQLite can. */
import process from "node:process";
import { DatabaseSync } from "node:sqlite";

const database = new DatabaseSync(new URL(process.argv[2] ?? ""), { readOnly: true });
const rows = database.prepare("PRAGMA quick_check(20)").all();
process.stdout.write(JSON.stringify(rows.map((row) => String(Object.values(row)[0]))));
