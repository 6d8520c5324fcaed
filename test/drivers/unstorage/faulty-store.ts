import type { Driver } from "unstorage";

type Verb = "getItem" | "getItemRaw" | "setItem" | "setItemRaw" | "removeItem" | "getKeys";

/**
 * A driver of unstorage whose items lie open, and whose calls can be made to go wrong: `on` sees each call
 * and may throw, or return what the call is to bring instead (wrapped, so that `null` can be said).
 */
export class FaultyStore {
  readonly items = new Map<string, unknown>();
  readonly calls: { verb: Verb; name: string }[] = [];
  on: (verb: Verb, name: string) => { readonly result: unknown } | undefined = () => undefined;
  readonly driver: Driver;

  /** @param kind `text` keeps strings only and knows no raw items, like Redis. */
  constructor(kind: "raw" | "text") {
    const { items } = this;
    const get = (name: string): unknown => items.get(name) ?? null;
    const set = (name: string, value: unknown): void => void items.set(name, value);
    const verbs: Record<Verb, (name: string, value?: unknown) => unknown> = {
      getItem: get,
      setItem: set,
      getItemRaw: get,
      setItemRaw: set,
      removeItem: (name) => items.delete(name),
      getKeys: () => [...items.keys()],
    };
    const wanted = Object.entries(verbs).filter(
      ([verb]) => kind === "raw" || !verb.endsWith("Raw"),
    );
    const entries = wanted.map(([verb, call]) => [
      verb,
      async (name: string, value?: unknown) => {
        this.calls.push({ verb: verb as Verb, name });
        const planted = this.on(verb as Verb, name);
        return planted === undefined ? call(name, value) : await planted.result;
      },
    ]);
    this.driver = { hasItem: (name) => items.has(name), ...Object.fromEntries(entries) };
  }

  /** The names of items that hold bytes. */
  get contents(): string[] {
    return [...this.items.keys()].filter((name) => name.includes("_v"));
  }

  /** The names of items that are cards. */
  get cards(): string[] {
    return [...this.items.keys()].filter((name) => name.endsWith("_i"));
  }
}
