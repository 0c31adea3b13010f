// What looks wrong in the running process, for /admin/lint: things that work and should not stay so.
import { isLoopback } from "../core/address.ts";
import type { LintRule } from "../admin/views.ts";
import type { RunningRouter } from "../assemble.ts";
import type { Config } from "../config/config.ts";
import type { MetricsNode } from "../telemetry/metrics.ts";

export interface LintParts {
  readonly config: Config;
  readonly root: MetricsNode;
  readonly routers: readonly RunningRouter[];
}

export function lintRules({ config, root, routers }: LintParts): readonly LintRule[] {
  return [
    {
      rule: "admin-beyond-loopback",
      description: "The admin server has no passwords and belongs on loopback.",
      issues: isLoopback(config.admin.host)
        ? []
        : [`the admin server listens on ${config.admin.host}; see admin.ip and admin.security`],
    },
    {
      rule: "open-caller-dtabs",
      description: "Callers from elsewhere should not lead calls to any address.",
      issues: config.routers.flatMap(({ label, servers }) =>
        servers
          .filter(({ host, callerDtab, clearContext }) => {
            return callerDtab.mode === "all" && !clearContext && !isLoopback(host);
          })
          .map(({ host, port }) => `${label} accepts all dtabs on ${host}:${port}; see callerDtab`),
      ),
    },
    {
      rule: "clients-without-addresses",
      description: "A client without addresses fails all its calls.",
      issues: routers.flatMap(({ config: { label }, open }) =>
        open
          .clusters()
          .filter(({ endpoints }) => endpoints.length === 0)
          .slice(0, maxIssues)
          .map(({ id, detail }) => `${label}: ${id} has none${detail === "" ? "" : `: ${detail}`}`),
      ),
    },
    {
      rule: "metrics-overflow",
      description: "Names beyond the limits of the metrics are counted together.",
      issues: overflowed(root) > 0 ? ["names share (other); see metrics/overflowed"] : [],
    },
  ];
}

const maxIssues = 100;

function overflowed(root: MetricsNode): number {
  const metric = root.children.get("metrics")?.children.get("overflowed")?.metric;
  return metric?.kind === "counter" ? metric.value : 0;
}
