/**
 * Another process with the database at `argv[2]`: takes the write lock, prints "locked", and releases the lock when its
 * input ends.
 */
import { DatabaseSync } from "node:sqlite";

const database = new DatabaseSync(process.argv[2] ?? "");
database.exec("PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE");
process.stdout.write("locked\n");
process.stdin.resume().on("end", () => {
  database.exec("ROLLBACK");
  database.close();
});
