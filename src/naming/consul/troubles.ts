// What keeps a namer or an interpreter from asking Consul, for people.
import type { SourceTrouble } from "../../core/naming.ts";
import type { WatchReport } from "./watch-spec.ts";

/** `who` asks: `the namer /#/io.l5d.consul`. */
export function adviceOn(problem: string, who: string): string {
  return problem.includes("responded with 403")
    ? `Consul's ACLs refuse ${who}: give it a token that may read services and nodes.`
    : `See whether Consul runs there and has a leader; its address is host and port of ${who}.`;
}

interface WatchedService {
  readonly report: WatchReport;
  readonly instances: readonly unknown[];
}

/** All that fails of a namer is one trouble: its names fail together, and there may be hundreds. */
export function watchTroubles(
  id: string,
  agent: string,
  services: Iterable<WatchedService>,
): readonly SourceTrouble[] {
  let [running, kept, forMs] = [0, 0, 0];
  const failing: WatchReport[] = [];
  for (const { report, instances } of services) {
    if (!report.isRunning) continue;
    running++;
    if (report.staleMs === 0) continue;
    failing.push(report);
    if (instances.length > 0) kept++;
    forMs = Math.max(forMs, report.staleMs);
  }
  const [first] = failing;
  if (first === undefined) return [];
  const problem = first.problem ?? "no response";
  const names = `${failing.length} of ${running} ${running === 1 ? "name" : "names"}`;
  const left = kept === 0 ? "none of them has" : `${kept} of them ${kept === 1 ? "has" : "have"}`;
  return [
    {
      kind: "unavailable",
      source: agent,
      text: `${id} cannot ask Consul at ${agent} for ${names} (${problem}); ${left} addresses from before`,
      advice: adviceOn(problem, `the namer ${id}`),
      forMs,
      isLastGoodKept: kept === failing.length,
    },
  ];
}

/** Of a dtab in a key; `problem` is what is wrong with the text in it. */
export function storedTroubles(
  location: string,
  problem: string | null,
  report: WatchReport,
  isLastGoodKept: boolean,
): readonly SourceTrouble[] {
  const shared = { source: location, isLastGoodKept };
  const kept = isLastGoodKept ? "; the last good one is used" : "";
  if (report.staleMs > 0) {
    const why = report.problem ?? "no response";
    const text = `the dtab in ${location} cannot be read (${why})${kept}`;
    const advice = adviceOn(why, "the interpreter");
    return [{ ...shared, kind: "unavailable", text, advice, forMs: report.staleMs }];
  }
  if (problem === null) return [];
  const advice = "Correct the dtab in that key: it takes effect immediately.";
  return [{ ...shared, kind: "broken", text: `${problem}${kept}`, advice, forMs: null }];
}
