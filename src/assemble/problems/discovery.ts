// Namers and interpreters that cannot ask their source, and servers that are not registered.
import type { Step } from "../../config/yaml/yaml.ts";
import type { RunningRouter } from "../../assemble.ts";
import type { MountedNamer, SourceTrouble } from "../../core/naming.ts";
import type { Finding, Findings, Subject } from "./finding.ts";

export function* discoveryFindings(
  namers: readonly MountedNamer[],
  routers: readonly RunningRouter[],
): Findings {
  for (const [index, { id, namer }] of namers.entries()) {
    for (const trouble of namer.troubles?.() ?? []) {
      yield findingOf(trouble, id, ["namers", index], { namer: id });
    }
    yield null;
  }
  for (const [index, { config, interpreter, open }] of routers.entries()) {
    const { label: router } = config;
    for (const trouble of interpreter.troubles?.() ?? []) {
      yield findingOf(trouble, router, ["routers", index, "interpreter"], { router });
    }
    for (const state of open.announced()) yield announcementFinding(state, router, index);
  }
}

function findingOf(
  { kind, source, text, advice, forMs, isLastGoodKept }: SourceTrouble,
  who: string,
  steps: readonly Step[],
  subject: Subject,
): Finding {
  return {
    kind: kind === "unavailable" ? "discovery-unavailable" : "discovery-broken",
    key: `${who} ${source}`,
    severity: isLastGoodKept ? "warning" : "critical",
    text: `${text}.`,
    advice,
    steps,
    subject,
    ...(forMs === null ? {} : { forMs }),
  };
}

function announcementFinding(
  { name, agent, isRegistered, error }: Readonly<Record<string, unknown>>,
  router: string,
  index: number,
): Finding | null {
  if (isRegistered !== false || typeof error !== "string") return null;
  return {
    kind: "not-announced",
    key: `${router} ${String(name)}`,
    severity: "warning",
    text: `A server of router ${router} is not registered as ${String(name)} at ${String(agent)}: ${error}.`,
    advice: "Until it is, others do not find it. It is attempted again every few seconds.",
    steps: ["routers", index, "announcers"],
    subject: { router },
  };
}
