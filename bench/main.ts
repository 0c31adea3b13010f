// `npm run bench -- http`: measures switchyard beside other proxies. See docs/benchmarks.md.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { benchHttp, httpParts } from "./http.ts";
import { withFigures } from "./lib/report/readme.ts";
import { markdownReport, type Report } from "./lib/report/report.ts";
import { parseInvocation, usage } from "./options.ts";
import { benchDrains, drainParts } from "./drains/drains.ts";
import { benchOutages, outageParts } from "./outages/outages.ts";
import { benchMux, muxParts } from "./mux.ts";
import { benchTls, tlsParts } from "./tls.ts";
import { benchThrift, thriftParts } from "./thrift.ts";

const parts = {
  http: httpParts,
  thrift: thriftParts,
  mux: muxParts,
  tls: tlsParts,
  outages: outageParts,
  drains: drainParts,
};
const benches = {
  http: benchHttp,
  thrift: benchThrift,
  mux: benchMux,
  tls: benchTls,
  outages: benchOutages,
  drains: benchDrains,
};
const invocation = parseInvocation(process.argv.slice(2), parts);
switch (invocation.kind) {
  case "help":
    process.stdout.write(usage(parts));
    break;
  case "wrong":
    process.stderr.write(`bench: ${invocation.why}\n\n${usage(parts)}`);
    process.exitCode = 2;
    break;
  case "report":
    process.stdout.write(markdownReport(readReport(invocation.file)));
    break;
  case "readme":
    writeReadme(invocation.file);
    break;
  case "run":
    process.exit((await benches[invocation.bench](invocation.options)) ? 0 : 1);
}

function readReport(file: string): Report {
  return JSON.parse(readFileSync(file, "utf8")) as Report; // written by this program
}

/** README.md is the one of the working directory, the checkout. */
function writeReadme(file: string): void {
  const readme = readFileSync("README.md", "utf8");
  const named = path.relative(process.cwd(), path.resolve(file));
  writeFileSync("README.md", withFigures(readme, named, readReport(file)));
}
