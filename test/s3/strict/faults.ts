import type { Action, Gate, Reply, SeenRequest } from "./call.ts";
import type { S3Code } from "./errors.ts";
import { createGate } from "./send.ts";

/** One way to go wrong, once or more often. Made by the functions of `fault`. */
export interface Fault {
  /** Answers in place of the service, before the signature is looked at and the body is read. */
  readonly instead?: (gate: Gate) => Reply;
  /** Stops reading the request's body once so many bytes have come. */
  readonly reading?: { readonly afterBytes: number; readonly how: "reset" | "stall" };
  /** Headers and query parameters that the service overlooks. */
  readonly ignoring?: readonly string[];
  /** Errors of single keys in DeleteObjects. */
  readonly refuseDeletion?: (key: string) => S3Code | undefined;
  /** Changes the answer after everything was done. */
  readonly edit?: (reply: Reply, gate: Gate, seen: SeenRequest) => Reply;
}

export interface FaultRule {
  readonly action: Action | "*";
  /** How often; until it is removed, if left out. */
  readonly times?: number;
  readonly when?: (request: SeenRequest) => boolean;
  readonly do: Fault;
}

export interface FaultHandle {
  /** How often it has struck. */
  readonly hits: number;
  /** Resolves with the first request that it strikes. */
  readonly struck: Promise<SeenRequest>;
  /** Let go on whatever it stalls, now and later. */
  release(): void;
  remove(): void;
}

export interface ActiveFault extends FaultRule {
  readonly gate: Gate;
  hits: number;
  readonly strike: (seen: SeenRequest) => void;
}

/** The plan of faults: of the rules that fit a request, the one added first is used, and no other. */
export class FaultPlan {
  readonly #rules = new Set<ActiveFault>();
  readonly #gates = new Set<Gate>();

  add(rule: FaultRule): FaultHandle {
    const gate = createGate();
    const struck = Promise.withResolvers<SeenRequest>();
    const active: ActiveFault = { ...rule, gate, hits: 0, strike: struck.resolve };
    this.#rules.add(active);
    this.#gates.add(gate);
    return {
      get hits() {
        return active.hits;
      },
      struck: struck.promise,
      release: () => gate.open(),
      remove: () => {
        this.#rules.delete(active);
        gate.open();
      },
    };
  }

  /** Forget every rule, and let go on what they stalled. */
  clear(): void {
    this.#rules.clear();
    for (const gate of this.#gates) gate.open();
  }

  take(seen: SeenRequest): ActiveFault | undefined {
    for (const rule of this.#rules) {
      const due = rule.hits < (rule.times ?? Number.POSITIVE_INFINITY);
      const fits = rule.action === "*" || rule.action === seen.action;
      if (!due || !fits || (rule.when && !rule.when(seen))) continue;
      rule.hits += 1;
      rule.strike(seen);
      return rule;
    }
    return undefined;
  }
}
