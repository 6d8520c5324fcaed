import { formatDuration } from "../format.ts";
import type { Check } from "./check.ts";

/** Before this release. */
const EARLIEST_MS = Date.UTC(2026, 0, 1);

const LATEST_MS = Date.UTC(2100, 0, 1);

/** Databases move between machines with slightly different clocks. */
const TOLERATED_MS = 60_000;

const ADVICE = "set the clock of this machine: sudo timedatectl set-ntp true; to see it: date -u";

/** Tokens, leases and the order of lists depend on the clock. The check of a storage covers the storage's clock. */
export const clockCheck: Check = {
  title: "Clock",
  async *run({ parts, database }) {
    const now = parts.clock.now();
    const shown = `${new Date(now).toISOString().slice(0, 16).replace("T", " ")} UTC`;
    const newest = database.facts?.newestUploadAt ?? null;
    if (now < EARLIEST_MS || now >= LATEST_MS) {
      const text = `this machine's clock says ${shown}: tokens and keys will count as expired or not yet valid`;
      yield { status: "fail", text, advice: ADVICE };
    } else if (newest !== null && newest > now + TOLERATED_MS) {
      yield {
        status: "warn",
        text: `this machine's clock says ${shown}, but the newest upload was made ${formatDuration(newest - now)} later: the clock was set back, or was wrong then`,
        advice: ADVICE,
      };
    } else yield { status: "ok", text: shown };
  },
};
