/** Where servers of ours listen whose answers to `fetch` are held against the document. */
const origins = new Set<string>();
let wrapped = false;

/**
 * From now on every answer that `fetch` gets from this server is what the document promises, or the call
 * fails; until the returned function is called.
 *
 * @param origin Such as `http://127.0.0.1:8000`.
 */
export function holdServer(origin: string): () => void {
  if (!wrapped) wrapFetch();
  wrapped = true;
  origins.add(origin);
  return () => origins.delete(origin);
}

function wrapFetch(): void {
  const real = globalThis.fetch;
  globalThis.fetch = async (input, init) => {
    const answer = await real(input, init);
    const asked = typeof input === "object" && "method" in input ? input : null;
    const { origin, pathname } = new URL(asked?.url ?? String(input));
    if (!origins.has(origin)) return answer;
    // Only for those who ask: it brings the whole table of routes along.
    const { holdAnswer, ownContract } = await import("./held-answers.ts");
    const method = init?.method ?? asked?.method ?? "GET";
    await holdAnswer(await ownContract(), { method, path: pathname }, answer);
    return answer;
  };
}
