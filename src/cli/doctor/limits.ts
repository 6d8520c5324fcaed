import process from "node:process";
import type { Check } from "./check.ts";

/** A request holds a socket, and a transfer also a file; the database and Node itself need some too. */
const PER_REQUEST = 2;
const OWN_DESCRIPTORS = 64;

/** A busy day of a small service. */
const EXPECTED_REQUESTS = 1000;

/** How many files and connections may be open. Node raises the soft limit to the hard one when it starts. */
export const limitsCheck: Check = {
  title: "Limits of this process",
  async *run() {
    const limit = openFilesLimit();
    if (limit === null) return;
    const requests = Math.max(0, Math.floor((limit - OWN_DESCRIPTORS) / PER_REQUEST));
    const text = `${limit} files and connections may be open at once`;
    if (requests >= EXPECTED_REQUESTS) yield { status: "ok", text };
    else {
      yield {
        status: "warn",
        text: `only ${text}: beyond about ${requests} requests at once, others wait or fail`,
        advice:
          "raise it where stowage is started: ulimit -Hn 65536; in a systemd unit LimitNOFILE=65536; docker run --ulimit nofile=65536",
      };
    }
  },
};

/** `null` if there is no limit, or if it is unknown. */
function openFilesLimit(): number | null {
  // Otherwise the report resolves the name of every connection.
  Object.assign(process.report, { excludeNetwork: true });
  const report = process.report.getReport() as {
    readonly userLimits?: { readonly open_files?: { readonly soft?: unknown } };
  };
  const soft = report.userLimits?.open_files?.soft;
  return typeof soft === "number" ? soft : null;
}
