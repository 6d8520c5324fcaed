import type { Clock } from "../../../src/domain/ports/clock.ts";

/** A clock that stands still until it is moved. */
export class FixedClock implements Clock {
  nowMs = Date.parse("2026-11-24T12:00:00Z");

  now(): number {
    return this.nowMs;
  }

  forward(ms: number): void {
    this.nowMs += ms;
  }
}
