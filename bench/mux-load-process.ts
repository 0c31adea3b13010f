// The mux load generator as a separate process: options as JSON in, the result as JSON out.
import type { LoadOptions } from "./lib/load.ts";
import { runMuxLoad } from "./lib/mux-load.ts";

const options = JSON.parse(process.argv[2] ?? "{}") as LoadOptions;
process.stdout.write(JSON.stringify(await runMuxLoad(options)));
