// All detectors together: what the board looks at, in the order in which it looks.
import type { Step } from "../../config/yaml/yaml.ts";
import type { Config } from "../../config/config.ts";
import { parsePath, startsWith } from "../../core/names/path.ts";
import type { TlsStore } from "../../net/tls/tls-store.ts";
import { heldMemory } from "../../runtime/held-memory.ts";
import { openFilesLimit } from "../../runtime/open-files.ts";
import type { Metrics } from "../../telemetry/metrics.ts";
import type { ProcessDeps, RunningRouter } from "../../assemble.ts";
import type { Naming } from "../naming.ts";
import { ProblemBoard } from "./board.ts";
import { certificateFindings } from "./certificates.ts";
import { ConfigOnDisk, standingFindings } from "./configuration.ts";
import { discoveryFindings } from "./discovery.ts";
import { endpointFindings } from "./endpoints.ts";
import { counted } from "./finding.ts";
import type { Findings } from "./finding.ts";
import { nameFindings } from "./names.ts";
import { ProcessHealth } from "./process.ts";
import { Traffic } from "./traffic.ts";

export interface ProblemParts {
  readonly config: Config;
  readonly deps: Pick<ProcessDeps, "clock" | "logs" | "configFile">;
  readonly metrics: Metrics;
  readonly naming: Naming;
  /** Filled while the process starts. */
  readonly routers: readonly RunningRouter[];
  readonly tls: TlsStore | null;
}

/** The caller closes it. */
export function openProblems(parts: ProblemParts): ProblemBoard {
  const { config, metrics, deps } = parts;
  const file = deps.configFile ?? "<stdin>";
  return new ProblemBoard({
    clock: deps.clock,
    log: deps.logs.log("problems"),
    stats: metrics.stats.scope("problems"),
    find: detectors(parts, file),
    looked: () => looked(parts),
    place: (steps) => ({ file, line: config.document.lineOf(steps) }),
  });
}

function detectors(
  parts: ProblemParts,
  file: string,
): (isShown: (id: string) => boolean) => Findings {
  const { config, metrics, naming, routers, tls } = parts;
  const { clock, configFile } = parts.deps;
  const traffic = new Traffic(stepsIn(config));
  const health = new ProcessHealth();
  const onDisk = new ConfigOnDisk(configFile, config.document.text, clock);
  const standing = standingFindings(config);
  const placeOf = placeOfClient(config);
  const nowMs = () => clock.nowMs();
  return function* find(isShown) {
    yield* discoveryFindings(naming.namers, routers);
    yield* endpointFindings(routers, placeOf);
    yield* nameFindings({ routers, file, nowMs });
    yield* traffic.findings(metrics.root, nowMs(), isShown);
    yield* certificateFindings(tls?.states() ?? [], clock.wallMs());
    yield* health.findings({
      root: metrics.root,
      heldBytes: heldMemory.bytes,
      heldLimitBytes: heldMemory.limitBytes,
      filesLimit: openFilesLimit,
    });
    yield* onDisk.findings();
    yield* standing;
  };
}

/** A section of the router with that label. */
function stepsIn({ routers }: Config): (router: string, section: string) => readonly Step[] {
  const indexes = new Map(routers.map(({ label }, index) => [label, index]));
  return (router, section) => ["routers", indexes.get(router) ?? 0, section];
}

/** The namer that made the client's id, else the dtab of its router. */
function placeOfClient(config: Config): (id: string, router: string) => readonly Step[] {
  const stepsOf = stepsIn(config);
  return (id, router) => {
    const path = parsePath(id);
    const namer = path.ok ? config.namers.findIndex((each) => startsWith(path.value, each.id)) : -1;
    return namer < 0 ? stepsOf(router, "dtab") : ["namers", namer];
  };
}

/** What was looked at, so that no problem can be told from nothing looked at. */
function looked({ routers, naming, tls }: ProblemParts): readonly string[] {
  let [clients, endpoints] = [0, 0];
  for (const { open } of routers) {
    const sizes = open.sizes();
    clients += sizes.clients;
    endpoints += sizes.endpoints;
  }
  return [
    counted(routers.length, "router"),
    counted(clients, "client"),
    counted(endpoints, "endpoint"),
    counted(naming.namers.length, "namer"),
    counted(tls?.states().length ?? 0, "certificate"),
  ];
}
