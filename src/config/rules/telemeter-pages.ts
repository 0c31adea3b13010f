// Pages that telemeters add to the admin server have one path each.
import type { Kinds } from "../kinds.ts";
import { lineOf } from "../yaml/locate.ts";
import type { Finding } from "../yaml/locate.ts";
import { plain } from "../yaml/yaml.ts";
import type { Source } from "../yaml/yaml.ts";
import { fieldsOf, mapsOf } from "./untyped.ts";

/**
 * Reads the file as it is written, where a telemeter with an old name adds no page: it says nothing
 * that the one with today's name does not.
 */
export function duplicatePages(source: Source, kinds: Kinds): Finding[] {
  if (source.root === null) return [];
  const { telemetry } = fieldsOf(plain(source.root));
  const first = new Map<string, number>();
  const findings: Finding[] = [];
  for (const { data, index } of mapsOf(telemetry)) {
    const telemeter = kinds.telemeters.find(({ kind }) => kind === data["kind"]);
    const path = data["path"] ?? telemeter?.defaultPath;
    if (telemeter?.defaultPath === undefined || typeof path !== "string") continue;
    const page = path.replace(/(?<=.)\/$/, ""); // the admin server ignores it
    const before = first.get(page);
    if (before === undefined) {
      first.set(page, index);
      continue;
    }
    const line = lineOf(source, ["telemetry", before]);
    const taken = `the page ${page} is taken by telemetry[${before}] on line ${line}`;
    findings.push(
      data["path"] === undefined
        ? { steps: ["telemetry", index], at: "key", message: `${taken}: delete one of the two` }
        : { steps: ["telemetry", index, "path"], at: "value", message: `${taken}: choose another` },
    );
  }
  return findings;
}
