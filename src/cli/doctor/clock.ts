import type { Check } from "./check.ts";

/** This release was made later. */
const EARLIEST_MS = Date.UTC(2026, 0, 1);

/** Nobody has kept it running that long. */
const LATEST_MS = Date.UTC(2100, 0, 1);

/** Databases move between machines whose clocks differ a little. */
const TOLERATED_MS = 60_000;

const ADVICE = "set the clock of this machine: sudo timedatectl set-ntp true; to see it: date -u";

/** Tokens, leases and the order of lists depend on it. A storage's own clock is told with the storage. */
export const clockCheck: Check = {
  title: "Clock",
  async *run({ parts, database }) {
    const now = parts.clock.now();
    const shown = `${new Date(now).toISOString().slice(0, 16).replace("T", " ")} UTC`;
    const newest = database.facts?.newestUploadAt ?? null;
    if (now < EARLIEST_MS || now >= LATEST_MS) {
      const text = `this machine believes it is ${shown}: tokens and keys will be taken for expired or not yet good`;
      yield { status: "fail", text, advice: ADVICE };
    } else if (newest !== null && newest > now + TOLERATED_MS) {
      const minutes = Math.round((newest - now) / 60_000);
      yield {
        status: "warn",
        text: `this machine believes it is ${shown}, but the newest upload was made ${minutes} min later: the clock has been set back, or was wrong then`,
        advice: ADVICE,
      };
    } else yield { status: "ok", text: shown };
  },
};
