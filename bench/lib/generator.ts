// Drives load from the core that the proxy does not use, with wrk if installed, otherwise with our own generator.
import { writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { loadCore, runChild } from "./child.ts";
import type { LoadOptions, LoadResult } from "./load.ts";
import { findProgram } from "./programs.ts";

export interface Generator {
  readonly name: string;
  run(options: LoadOptions): Promise<LoadResult>;
}

/** `folder` receives wrk's script. */
export function findGenerator(folder: string, isPinned: boolean): Generator {
  const core = isPinned ? loadCore : null;
  const wrk = findProgram("wrk");
  if (wrk !== null) {
    return {
      name: "wrk",
      run: async (options) => {
        const script = path.join(folder, "load.lua");
        writeFileSync(script, wrkScript(options.hosts));
        return parseWrk(await runChild([wrk, ...wrkArguments(options, script)], core));
      },
    };
  }
  return ownGenerator(isPinned);
}

/** Our own generator, even where wrk is installed. */
export function ownGenerator(isPinned: boolean): Generator {
  const script = new URL("../load-process.js", import.meta.url);
  return generatorOf("bench/lib/load.ts", script, isPinned);
}

/** Thrift calls; ignores `hosts`. */
export function thriftGenerator(isPinned: boolean): Generator {
  const script = new URL("../thrift-load-process.js", import.meta.url);
  return generatorOf("bench/lib/thrift-load.ts", script, isPinned);
}

/** Mux calls; ignores `hosts`. */
export function muxGenerator(isPinned: boolean): Generator {
  const script = new URL("../mux-load-process.js", import.meta.url);
  return generatorOf("bench/lib/mux-load.ts", script, isPinned);
}

/** One of our scripts that takes options as JSON and prints the result as JSON. */
function generatorOf(name: string, script: URL, isPinned: boolean): Generator {
  const program = fileURLToPath(script);
  return {
    name,
    run: async (options) => {
      const command = [process.execPath, program, JSON.stringify(options)];
      return JSON.parse(await runChild(command, isPinned ? loadCore : null)) as LoadResult;
    },
  };
}

function wrkArguments(options: LoadOptions, script: string): string[] {
  const { connections, seconds, port, isSecure = false } = options;
  const url = `${isSecure ? "https" : "http"}://127.0.0.1:${port}/`;
  return ["-t1", `-c${connections}`, `-d${seconds}s`, "--latency", "-s", script, url];
}

/** With one Host, wrk sends constant bytes; with several, the script rotates through them. */
export function wrkScript(hosts: readonly string[]): string {
  const names = hosts.map((host) => JSON.stringify(host)).join(", ");
  const inTurn = `
local hosts, requests, at = { ${names} }, {}, 0
init = function()
  for i, host in ipairs(hosts) do requests[i] = wrk.format("GET", "/", { Host = host }) end
end
request = function()
  at = at % #requests + 1
  return requests[at]
end`;
  return `${hosts.length === 1 ? `wrk.headers["Host"] = ${names}` : inTurn}
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format('\\n{"requests":%d,"seconds":%f,"p50Ms":%f,"p99Ms":%f,"errors":%d}\\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, e.connect + e.read + e.write + e.status + e.timeout))
end
`;
}

/** The output of the script, which is the last line of wrk's output. */
export function parseWrk(output: string): LoadResult {
  const line = output.trimEnd().split("\n").at(-1) ?? "";
  if (!line.startsWith("{")) throw new Error(`wrk ended without a summary: ${line}`);
  return JSON.parse(line) as LoadResult;
}
