// What this process says of itself to fleets.
import { createHash, randomUUID } from "node:crypto";
import type { ProcessDeps, RunningRouter } from "../assemble.ts";
import type { Config } from "../config/config.ts";
import { showAddress } from "../core/address.ts";
import type { TextPage } from "../core/text-page.ts";
import { fleetFormat } from "../fleet/page/format.ts";
import type { InstanceHeader } from "../fleet/page/format.ts";
import { fleetPage } from "../fleet/page/writer.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { sliceMs } from "../telemetry/histogram.ts";
import { version } from "../version.ts";
import { problemsJson } from "./problems/board.ts";
import type { ProblemBoard } from "./problems/board.ts";
import { endpointsOf } from "./endpoints.ts";
import type { EndpointFacts, ProblemFacts } from "../fleet/views/shapes.ts";

export interface FleetPageParts {
  readonly config: Config;
  readonly deps: ProcessDeps;
  readonly metrics: Metrics;
  readonly routers: readonly RunningRouter[];
  readonly problems: ProblemBoard;
}

/** Renders the page; only latencies of slices behind `after` are in it. */
export function fleetPageOf(parts: FleetPageParts): (after: number) => Promise<TextPage> {
  const { config, deps, metrics, routers } = parts;
  const { clock } = deps;
  const startedAt = clock.wallMs();
  const run = randomUUID();
  const configHash = createHash("sha256")
    .update(JSON.stringify(config.raw))
    .digest("hex")
    .slice(0, 12);
  const header = (): InstanceHeader => ({
    switchyardFleet: fleetFormat,
    run,
    at: clock.wallMs(),
    startedAt,
    slice: metrics.slice,
    sliceMs,
    name: null,
    version,
    configHash,
    configFile: deps.configFile,
    notReady: deps.notReady(),
    routers: routers.map(({ config: { label, protocol }, open }) => {
      return { label, protocol, servers: open.listeners.map(showAddress) };
    }),
  });
  return async (after) => {
    const endpoints = routers.map((router) => clientsOf(router, parts));
    const { problems } = problemsJson(await parts.problems.current());
    return fleetPage(
      { header: header(), problems: problems.map(factsOf), endpoints },
      metrics.root,
      after,
    );
  };
}

function factsOf({
  subject,
  ...rest
}: ReturnType<typeof problemsJson>["problems"][number]): ProblemFacts {
  return { ...rest, subject: Object.fromEntries(Object.entries(subject)) };
}

/** Safe cast: that is the shape of `/endpoints.json`, whose reader checks it. */
function clientsOf(router: RunningRouter, { deps }: FleetPageParts) {
  return [...endpointsOf([router], null, null, deps.clock)] as {
    readonly client: string;
    readonly endpoints: readonly EndpointFacts[];
  }[];
}
