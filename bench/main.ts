// `npm run bench -- http`: measures switchyard beside other proxies. See docs/benchmarks.md.
import { readFileSync } from "node:fs";
import { benchHttp, httpParts } from "./http.ts";
import { markdownReport, type Report } from "./lib/report.ts";
import { parseInvocation, usage } from "./options.ts";
import { benchMux, muxParts } from "./mux.ts";
import { benchThrift, thriftParts } from "./thrift.ts";

const parts = { http: httpParts, thrift: thriftParts, mux: muxParts };
const benches = { http: benchHttp, thrift: benchThrift, mux: benchMux };
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
    process.stdout.write(
      markdownReport(JSON.parse(readFileSync(invocation.file, "utf8")) as Report),
    );
    break;
  case "run":
    process.exit((await benches[invocation.bench](invocation.options)) ? 0 : 1);
}
