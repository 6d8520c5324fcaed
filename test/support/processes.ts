import { readdirSync, readFileSync } from "node:fs";

/** The processes that `parent` has started for documents and that run. Its guard is none. */
export function childrenOf(parent: number): number[] {
  const all = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return all.map(Number).filter((pid) => {
    const { parent: started, state } = statOf(pid);
    const command = readProc(pid, "cmdline");
    return started === parent && state !== "Z" && command.includes("extract-child");
  });
}

/** Whether it has not ended; one that no one has asked about yet has. */
export function isRunning(pid: number): boolean {
  const state = stateOf(pid);
  return state !== undefined && state !== "Z";
}

/** As proc_pid_stat(5) calls it: `R` computes, `S` waits. */
export function stateOf(pid: number): string | undefined {
  return statOf(pid).state;
}

function statOf(pid: number): { readonly state?: string | undefined; readonly parent?: number } {
  const stat = readProc(pid, "stat");
  // After the name, which may hold anything.
  const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return stat === "" ? {} : { state, parent: Number(parent) };
}

/** @returns Nothing, once it is gone. */
function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
