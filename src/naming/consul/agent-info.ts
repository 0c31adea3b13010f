// What an agent reports about itself: its data centre, and the domain of its DNS names.
import { ok } from "../../core/live.ts";
import type { WatchDeps } from "./watch-spec.ts";
import { Watch } from "./watch.ts";

export interface AgentInfo {
  /** null: not known; a DNS name without a data centre means the agent's own. */
  readonly datacenter: string | null;
  /** Without leading or trailing dots. */
  readonly domain: string;
}

const unknownAgent: AgentInfo = { datacenter: null, domain: "consul" };

/** Refreshed with every resync. While the agent does not say, it is taken for a usual one. */
export function agentInfo(deps: WatchDeps): Watch<AgentInfo> {
  return new Watch<AgentInfo>(
    {
      name: "the agent itself",
      query: { kind: "self", datacenter: null },
      read: (body) => ({ value: readAgent(body) }),
      isSame: (a, b) => a.datacenter === b.datacenter && a.domain === b.domain,
      absent: unknownAgent,
      mayBeMissing: false,
      isBlocking: false,
      late: () => ok(unknownAgent),
      unknown: () => ok(unknownAgent),
    },
    deps,
  );
}

/** `Config.Domain` before Consul 1.0, `DebugConfig.DNSDomain` since. */
function readAgent(body: unknown): AgentInfo {
  const config = partOf(body, "Config");
  const datacenter = config["Datacenter"];
  const domain = partOf(body, "DebugConfig")["DNSDomain"] ?? config["Domain"];
  const trimmed = typeof domain === "string" ? domain.replaceAll(/^\.+|\.+$/g, "") : "";
  return {
    datacenter: typeof datacenter === "string" ? datacenter : null,
    domain: trimmed === "" ? unknownAgent.domain : trimmed,
  };
}

function partOf(body: unknown, key: string): Readonly<Record<string, unknown>> {
  const part = (body as Readonly<Record<string, unknown>> | null)?.[key];
  return typeof part === "object" && part !== null ? (part as Record<string, unknown>) : {};
}
