// Names that are called and find no address.
import type { RunningRouter } from "../../assemble.ts";
import type { NameTrouble } from "../../routing/destination.ts";
import { counted } from "./finding.ts";
import type { Finding, Findings } from "./finding.ts";

/** A name counts as long as calls come for it. */
const recentlyMs = 60_000;
/** Callers invent names: of each router so many are shown, the rest is one problem. */
const maxNames = 20;

export interface NameParts {
  readonly routers: readonly RunningRouter[];
  /** For the commands in the advice. */
  readonly file: string;
  nowMs(): number;
}

export function* nameFindings({ routers, file, nowMs }: NameParts): Findings {
  for (const [index, { config, open }] of routers.entries()) {
    const { label } = config;
    const steps = ["routers", index, "dtab"];
    let shown = 0;
    let others = 0;
    for (const trouble of open.troubledNames()) {
      const isRecent = trouble !== null && nowMs() - trouble.lastMs < recentlyMs;
      if (!isRecent) yield null;
      else if (shown++ < maxNames) yield findingOf(trouble, label, steps, file, nowMs());
      else others++;
    }
    if (others === 0) continue;
    yield {
      kind: "name-unbound",
      key: `${label} others`,
      severity: "warning",
      text: `${counted(others, "more name")} of router ${label} found no address within a minute.`,
      advice: "Names that callers invent are harmless; see the access log for who calls them.",
      steps,
      subject: { router: label },
    };
  }
}

function findingOf(
  trouble: NameTrouble,
  router: string,
  steps: readonly (string | number)[],
  file: string,
  nowMs: number,
): Finding {
  const { logicalName, localDtab, calls, detail } = trouble;
  const own = localDtab === "" ? "" : ` with the dtab ${localDtab}`;
  const command = `switchyard explain ${file} ${logicalName} --router ${router}`;
  const explain = localDtab === "" ? command : `${command} --dtab '${localDtab}'`;
  const shared = {
    key: `${router} ${logicalName}${own}`,
    steps,
    subject: { router, name: logicalName },
    forMs: nowMs - trouble.sinceMs,
  };
  const lost = counted(calls, "call");
  if (trouble.kind === "unbound") {
    return {
      ...shared,
      kind: "name-unbound",
      severity: "warning",
      text: `${logicalName}${own} leads nowhere: ${lost} found no address.`,
      advice: `Register the service, or add a dentry that covers the name: ${explain}`,
    };
  }
  return {
    ...shared,
    kind: "name-unresolved",
    severity: "critical",
    text: `${logicalName}${own} could not be resolved for ${lost}: ${detail === "" ? "no response" : detail}.`,
    advice: `See why discovery does not respond: ${explain}`,
  };
}
