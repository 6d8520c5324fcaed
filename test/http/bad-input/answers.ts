import { ProblemSchema } from "../../../src/http/problem.ts";

/** One answer as it came over the wire. */
export interface Answer {
  readonly status: number;
  /** First line and headers. */
  readonly head: string;
  /** One character a byte, chunks joined. */
  readonly body: string;
}

/**
 * Take apart what came on one connection, interim answers (RFC 9110, 15.2) left out.
 *
 * @param bodyless Whether they answer HEAD; `perhaps` where it is not known which of them do.
 * @throws If anything is no HTTP, is cut off, or is left over.
 */
export function readAnswers(received: string, bodyless: boolean | "perhaps" = false): Answer[] {
  const answers: Answer[] = [];
  for (let rest = received; rest !== ""; ) {
    const end = rest.indexOf("\r\n\r\n");
    const head = rest.slice(0, end);
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]);
    if (end < 0 || Number.isNaN(status)) throw new Error(`No answer: ${rest.slice(0, 300)}`);
    rest = rest.slice(end + 4);
    if (status < 200) continue;
    // No body of ours begins like the next answer.
    const isHead = bodyless === "perhaps" ? /^(HTTP\/1\.1 |$)/.test(rest) : bodyless;
    const hasBody = !isHead && status !== 204 && status !== 304;
    const [body, after] = hasBody ? takeBody(head, rest) : ["", rest];
    answers.push({ status, head, body });
    rest = after;
  }
  return answers;
}

function takeBody(head: string, rest: string): [string, string] {
  if (/^transfer-encoding: chunked$/im.test(head)) return takeChunks(rest);
  const length = /^content-length: (\d+)$/im.exec(head)?.[1];
  if (length === undefined) return [rest, ""];
  if (rest.length < Number(length)) throw new Error(`Cut off: ${head}`);
  return [rest.slice(0, Number(length)), rest.slice(Number(length))];
}

function takeChunks(text: string): [string, string] {
  let body = "";
  for (let rest = text; ; ) {
    const [line, size] = /^([0-9a-f]+)\r\n/i.exec(rest) ?? [];
    if (line === undefined) throw new Error(`No chunk: ${rest.slice(0, 100)}`);
    const length = Number.parseInt(size ?? "", 16);
    rest = rest.slice(line.length);
    if (rest.slice(length, length + 2) !== "\r\n") throw new Error("A chunk is cut off");
    body += rest.slice(0, length);
    rest = rest.slice(length + 2);
    if (length === 0) return [body, rest];
  }
}

export function headerOf({ head }: Answer, name: string): string | null {
  return new RegExp(`^${name}: (.*)$`, "im").exec(head)?.[1] ?? null;
}

/** What no answer to anyone may hold: our sources, our modules, our files. */
const INSIDE = /\.ts:\d|node_modules|node:internal|\bat \S+ \(|\/dev\/shm|\/tmp\/|\.stowage|SQLITE/;

/** What is wrong with an answer, whatever the question was. */
export function findFaults(answer: Answer, secrets: readonly string[]): string[] {
  const faults: string[] = [];
  if (!/^X-Request-Id: [A-Za-z0-9._-]{1,128}$/im.test(answer.head)) faults.push("no X-Request-Id");
  const all = answer.head + answer.body;
  for (const secret of secrets) if (all.includes(secret)) faults.push(`it reveals ${secret}`);
  if (answer.status < 400) return faults;
  if (INSIDE.test(all)) faults.push(`it reveals the inside: ${all}`);
  if (headerOf(answer, "content-type") !== "application/problem+json") {
    return [...faults, "an error that is no problem+json"];
  }
  // The answer to HEAD.
  return answer.body === "" ? faults : [...faults, ...findProblemFaults(answer)];
}

function findProblemFaults(answer: Answer): string[] {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(answer.body, "latin1").toString());
  } catch {
    return [`no JSON: ${answer.body.slice(0, 100)}`];
  }
  const parsed = ProblemSchema.strict().safeParse(json);
  if (!parsed.success) return [`no problem: ${parsed.error.message}`];
  const { status, detail, request_id } = parsed.data;
  const faults: string[] = [];
  if (status !== answer.status) faults.push(`its body says ${status}`);
  if (detail === "") faults.push("it has no detail");
  if (request_id !== headerOf(answer, "x-request-id")) faults.push("two request ids");
  return faults;
}

export function codeOf({ body }: Answer): string | undefined {
  return body.startsWith("{") ? (JSON.parse(body) as { code?: string }).code : undefined;
}
