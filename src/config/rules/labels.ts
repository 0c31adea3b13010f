// Labels of routers are unique.
import { lineOf } from "../yaml/locate.ts";
import type { Finding } from "../yaml/locate.ts";
import type { Source } from "../yaml/yaml.ts";
import type { Indexed } from "./untyped.ts";

export function duplicateLabels(source: Source, routers: readonly Indexed[]): Finding[] {
  const first = new Map<unknown, number>();
  const findings: Finding[] = [];
  for (const { data, index } of routers) {
    const label = data["label"] ?? data["protocol"];
    const before = first.get(label);
    if (typeof label !== "string") continue;
    if (before === undefined) first.set(label, index);
    else {
      const line = lineOf(source, ["routers", before]);
      const taken = `the label ${label} is taken by routers[${before}] on line ${line}`;
      const message = data["label"] === undefined ? `${taken}: give this router a label` : taken;
      findings.push({ steps: ["routers", index, "label"], at: "value", message });
    }
  }
  return findings;
}
