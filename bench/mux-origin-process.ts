// The mux origin as a separate process: `mux-origin-process.js COUNT` prints its ports.
import { startMuxOrigin } from "./lib/mux-origin.ts";

const { ports } = await startMuxOrigin(Number(process.argv[2] ?? 1));
process.stdout.write(`${ports.join(" ")}\n`);
