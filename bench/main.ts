// `npm run bench -- http`: measures switchyard beside other proxies. See docs/benchmarks.md.
import { readFileSync } from "node:fs";
import { benchHttp, rowNames } from "./http.ts";
import { markdownReport, type Report } from "./lib/report.ts";
import { extraParts, parseInvocation, usage } from "./options.ts";

const parts = [...rowNames, ...extraParts];
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
  case "http":
    process.exit((await benchHttp(invocation.options)) ? 0 : 1);
}
