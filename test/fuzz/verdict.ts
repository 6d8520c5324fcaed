import { type Answer, findFaults, readAnswers } from "../http/bad-input/answers.ts";
import { KEYS, SECRETS } from "../support/abused-server.ts";
import { type Exchange, framingOf } from "./exchange.ts";

/** Words of each tenant's documents and filenames. */
const CANARIES = [
  [KEYS.acme, "kanari-my-"],
  [KEYS.other, "kanari-their-"],
] as const;

/** What the server promises about every exchange, broken; `kind` distinguishes the faults. */
export interface Violation {
  readonly kind: string;
  readonly detail: string;
}

/** Judge what came of sending `text`. `null`: nothing is wrong. */
export function judge(text: string, { received, hung, left }: Exchange): Violation | null {
  if (hung) return { kind: "hang", detail: "The connection was left open" };
  for (const [key, canary] of CANARIES) {
    // The reader's key is acme's as well.
    const may = text.includes(key) || (key === KEYS.acme && text.includes(KEYS.reader));
    if (!may && received.includes(canary)) return { kind: "leak", detail: `It reveals ${canary}` };
  }
  let answers: Answer[];
  try {
    answers = readAnswers(received, text.includes("HEAD") && "perhaps");
  } catch (error) {
    // An answer that has begun is cut where the rest of its request turns out to be none.
    const mayBeCut = left || (received.startsWith("HTTP/1.1 ") && framingOf(text) === "broken");
    return mayBeCut ? null : { kind: "no HTTP", detail: String(error) };
  }
  for (const answer of answers) {
    if (answer.status >= 500) return { kind: `status ${answer.status}`, detail: answer.body };
    const [fault] = findFaults(answer, HIDDEN);
    if (fault !== undefined) return { kind: fault.slice(0, 20), detail: fault };
  }
  return null;
}

/** Canaries of documents are judged by who asks. */
const HIDDEN = SECRETS.filter((secret) => !secret.startsWith("kanari-their-"));

/** Ids that answers to `text` have acknowledged, by the SHA-256 of what is stored. */
export function acknowledgedIn(text: string, received: string): (readonly [string, string])[] {
  // What asks for its own end may have it.
  if (/expires/i.test(text)) return [];
  const created = received.matchAll(
    /^HTTP\/1\.1 201 [\s\S]*?\r\n\r\n(\{.*?"sha256":"[0-9a-f]{64}".*?\})/gm,
  );
  return [...created].flatMap(([, body = ""]) => {
    const id = /"id":"([^"]+)"/.exec(body)?.[1];
    const sha256 = /"sha256":"([^"]+)"/.exec(body)?.[1];
    return id === undefined || sha256 === undefined ? [] : [[id, sha256] as const];
  });
}
