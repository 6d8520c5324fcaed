import process from "node:process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

// Loaded into a server by `--import`. Asked with SIGUSR2 it collects all garbage and writes into the log
// what is left: memory that really is held, whatever the collector would have put off.
setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
process.on("SIGUSR2", () => {
  collect();
  // `external` has the memory of array buffers in it.
  const { heapUsed, external } = process.memoryUsage();
  const heldBytes = heapUsed + external;
  process.stderr.write(`${JSON.stringify({ event: "probe.memory", heldBytes })}\n`);
});
