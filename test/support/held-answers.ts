import { hasher } from "../../src/adapters/hasher.ts";
import { createApp } from "../../src/http/app.ts";
import type { HttpServices } from "../../src/http/services.ts";
import { Contract, type Document } from "../http/contract.ts";

interface Asked {
  readonly method: string;
  /** Begins after the host. */
  readonly path: string;
}

const contracts = new Map<string, Contract>();

/** The contract that this document is. The same text gives the same one: its schemas are compiled once. */
export function contractOf(document: string): Contract {
  const contract = contracts.get(document) ?? new Contract(JSON.parse(document) as Document);
  contracts.set(document, contract);
  return contract;
}

/** How many answers were held against documents in this process. */
export function heldAnswers(): number {
  return [...contracts.values()].reduce((sum, { held }) => sum + held, 0);
}

/**
 * Hold an answer against the document. A stream is looked at when the test reads it as text or JSON, so that
 * tests can still look at it piece by piece.
 *
 * @throws {Error} If the document promises otherwise.
 */
export async function holdAnswer(
  contract: Contract,
  request: Asked,
  answer: Response,
): Promise<void> {
  const { status, headers } = answer;
  const hold = (body: string | null) => contract.hold(request, { status, headers, body });
  // Results, files, texts and events are streams, which say so.
  if (!headers.has("Accept-Ranges")) return hold(await answer.clone().text());
  hold(null);
  if (!(headers.get("Content-Type") ?? "").includes("json")) return;
  const text = answer.text.bind(answer);
  const heldText = async () => {
    const body = await text();
    hold(body);
    return body;
  };
  Object.assign(answer, { text: heldText, json: async () => JSON.parse(await heldText()) });
}

/** The contract of the code as it is, without asking a server that may be watched for what it is asked. */
export function ownContract(): Promise<Contract> {
  own ??= makeOwnContract();
  return own;
}

let own: Promise<Contract> | undefined;

async function makeOwnContract(): Promise<Contract> {
  const silent = { debug() {}, info() {}, warn() {}, error() {}, with: () => silent };
  const random = (bytes: Uint8Array) => bytes;
  const clock = { now: () => Date.now() };
  const options = { logger: silent, clock, random, hasher, maxUploadBytes: 1 };
  const app = createApp({} as HttpServices, options);
  return contractOf(await (await app.fetch(new Request("http://test/openapi.json"))).text());
}
