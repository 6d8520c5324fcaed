import { SETTINGS } from "../../config/settings.ts";
import type { ConfigError } from "../../config.ts";
import type { Check, Finding } from "./check.ts";

/** Which settings are set, and which are probably mistakes. */
export const settingsCheck: Check = {
  title: "Settings",
  async *run({ env, config }) {
    const names = Object.keys(SETTINGS).filter((name) => env[name]?.trim());
    const text = names.length === 0 ? "no settings: defaults apply" : names.join(", ");
    yield { status: "ok", text };
    for (const warning of config.warnings) yield { status: "warn", text: warning };
  },
};

/** Each setting that prevents the start. */
export function settingsProblems(error: ConfigError): readonly Finding[] {
  return error.problems.map(({ variable, read, expected }) => ({
    status: "fail",
    text: `${variable} is wrong: read ${read}`,
    advice: `expected ${expected}`,
  }));
}
