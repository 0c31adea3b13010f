// The Thrift origin as a separate process: `thrift-origin-process.js COUNT` prints its ports.
import { startThriftOrigin } from "./lib/thrift-origin.ts";

const ports = await startThriftOrigin(Number(process.argv[2] ?? 1));
process.stdout.write(`${ports.join(" ")}\n`);
