// The origin as a separate process: `origin-process.js COUNT PAUSE_MS` prints its ports.
import { startOrigin } from "./lib/origin.ts";

const [count, pauseMs] = process.argv.slice(2).map(Number);
const origin = await startOrigin({ ports: count ?? 1, pauseMs: pauseMs ?? 0 });
process.stdout.write(`${origin.ports.join(" ")}\n`);
