// The load generator as a separate process: options as JSON in, the result as JSON out.
import { runLoad, type LoadOptions } from "./lib/load.ts";

const options = JSON.parse(process.argv[2] ?? "{}") as LoadOptions;
process.stdout.write(JSON.stringify(await runLoad(options)));
