// Makes the endpoints of one cluster: what they share, and for each its health.
import { showAddress } from "../core/address.ts";
import type { Address } from "../core/address.ts";
import type { Clock, Close, Random } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import type { Path } from "../core/names/path.ts";
import type { ProtocolRouter } from "../core/protocol.ts";
import type { Request } from "../core/request.ts";
import type { Stats } from "../core/stats.ts";
import { Accrual } from "./accrual.ts";
import { Doubts } from "./health/doubt.ts";
import type { Doubt } from "./health/doubt.ts";
import type { EndpointDeps } from "./endpoint.ts";
import { Endpoint } from "./endpoint.ts";
import { EndpointRecord } from "./health/endpoint-record.ts";
import type { Ejection } from "./health/endpoint-record.ts";
import type { FaultSwitches } from "./filters/fault-switches.ts";
import type { ClientOptions } from "./options.ts";
import type { SilenceWatch } from "./silence.ts";
import { endpointStack } from "./stacks.ts";
import type { ClusterStats } from "./stats/cluster-stats.ts";

export interface EndpointMakerDeps<Req extends Request, Res> {
  readonly id: Path;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** `client/<id>`. */
  readonly stats: Stats;
  readonly clusterStats: ClusterStats;
  readonly options: ClientOptions;
  readonly protocol: Pick<
    ProtocolRouter<Req, Res>,
    "dial" | "responseCounter" | "pushesBack" | "statusOf"
  >;
  readonly faults: FaultSwitches;
  readonly silence: SilenceWatch | null;
  /** The set that the endpoints are made for. */
  endpoints(): {
    mayEject(maxPercent: number, isHopeless: boolean): boolean;
    revived(key: string, nowMs: number): void;
    hasGoodBeside(doubt: Doubt): boolean;
    heldBack(key: string, failuresInARow: number, forMs: number, nowMs: number): void;
    notHeldBack(key: string, nowMs: number): void;
  };
  /** What has to be closed with the cluster. */
  onClose(close: Close): void;
}

export function endpointMaker<Req extends Request, Res>(
  deps: EndpointMakerDeps<Req, Res>,
): (address: Address) => Endpoint<Req, Res> {
  const { clock, stats, clusterStats, protocol } = deps;
  const { attemptTimeoutMs, dial, filters } = deps.options;
  const shared: EndpointDeps<Req, Res> = {
    clock,
    stats: clusterStats.attempts,
    countResponse: protocol.responseCounter(stats),
    stack: endpointStack({ ...deps, attemptTimeoutMs, options: filters }),
    silence: deps.silence,
    doubts: deps.options.accrual?.holdBack === true ? doubts(deps) : null,
    pushesBack: (response) => protocol.pushesBack?.(response) ?? false,
    statusOf: (response) => protocol.statusOf(response),
    dial: (address) => protocol.dial(address, dial, clusterStats.wire),
  };
  return (address) => {
    const record = new EndpointRecord(showAddress(address), deps.id, deps.log, clock.nowMs());
    return new Endpoint(address, accrualOf(record, deps), record, shared);
  };
}

function doubts<Req extends Request, Res>({
  clock,
  clusterStats,
  endpoints,
}: EndpointMakerDeps<Req, Res>): Doubts {
  return new Doubts({
    held: clusterStats.accrual.held,
    hasGoodBeside: (doubt) => endpoints().hasGoodBeside(doubt),
    changed: ({ name, failures }, forMs) => {
      if (forMs === null) endpoints().notHeldBack(name, clock.nowMs());
      else endpoints().heldBack(name, failures, forMs, clock.nowMs());
    },
  });
}

/** null: endpoints of this cluster are never ejected. */
function accrualOf<Req extends Request, Res>(
  record: EndpointRecord,
  { clock, options, clusterStats, endpoints }: EndpointMakerDeps<Req, Res>,
): Accrual | null {
  const { accrual } = options;
  if (accrual === null) return null;
  return new Accrual(accrual.policy(clock.nowMs()), {
    counters: clusterStats.accrual,
    mayEject: (isHopeless) => endpoints().mayEject(accrual.maxEjectedPercent, isHopeless),
    ejected: (forMs, failuresInARow, silentMs) => {
      const how: Ejection =
        silentMs === null ? { why: "failing", failuresInARow } : { why: "silent", silentMs };
      record.ejected(how, forMs, clock.nowMs());
    },
    revived: () => {
      const nowMs = clock.nowMs();
      endpoints().revived(record.endpoint, nowMs);
      record.back(nowMs);
    },
  });
}
