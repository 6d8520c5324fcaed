import { defineProcessor } from "stowage/processor";
import { findContacts } from "./contacts.ts";

/** Finds who sent a résumé and how to reach them: `{ name, emails, phones, links }`. */
export default defineProcessor({
  name: "resume",
  version: "1",
  accepts: [
    "application/pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.oasis.opendocument.text",
    "application/rtf",
    "text/html",
    "text/markdown",
    "text/plain",
  ],
  async process(input) {
    // No parser and no catch: errors such as an encrypted document pass through.
    return { output: { ...findContacts(await input.text()) } };
  },
});
