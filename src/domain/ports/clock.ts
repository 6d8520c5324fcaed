/** The time. Injected everywhere, so that tests can control it. */
export interface Clock {
  /** Milliseconds since 1970, UTC. */
  now(): number;
}

/** Fill `bytes` with cryptographic randomness and return them. */
export type RandomSource = (bytes: Uint8Array) => Uint8Array;
