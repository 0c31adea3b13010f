// Turns the text of a configuration file into a Config, or into all of its problems, one per line.
import * as v from "valibot";
import { toConfig } from "./config.ts";
import { conflicts, hedgesWithoutEffect, prefixesWithoutClients } from "./rules/conflicts.ts";
import { applyLegacyDefaults } from "./legacy/legacy-defaults.ts";
import { locateFinding, showSteps, stepsKey } from "./yaml/locate.ts";
import { issueMessage } from "./issue-messages.ts";
import { fileSchema } from "./schemas/file.ts";
import { matchKeys } from "./unknown-keys.ts";
import { unknownNamers } from "./rules/unknown-namers.ts";
import { plain, readYaml } from "./yaml/yaml.ts";
import type { Config } from "./config.ts";
import type { Kinds } from "./kinds.ts";
import type { Finding } from "./yaml/locate.ts";
import type { Problem, Source, Step } from "./yaml/yaml.ts";

export type { Config };

export type CheckResult =
  | { readonly ok: true; readonly config: Config; readonly warnings: readonly string[] }
  | {
      readonly ok: false;
      readonly problems: readonly string[];
      readonly warnings: readonly string[];
    };

/**
 * Checks a whole file against the kinds of this build. Problems and warnings read
 * `file:line:column path: what is wrong`, in the order of the file. A file with a problem yields no
 * Config. `fileName` is used only in messages.
 */
export function checkConfig(text: string, fileName: string, kinds: Kinds): CheckResult {
  const read = readYaml(text);
  if (!read.ok)
    return { ok: false, problems: formatProblems(fileName, read.problems), warnings: [] };
  const { source } = read;
  const { root, duplicates } = source;
  if (root?.kind !== "map") {
    const message =
      root === null ? emptyFile : "expected a map of admin, namers, routers, telemetry";
    const problem = locateFinding(source, { steps: [], at: "value", message });
    return { ok: false, problems: formatProblems(fileName, [problem]), warnings: [] };
  }
  const schema = fileSchema(kinds);
  const matched = matchKeys(root, schema);
  const warnings = [
    ...matched.warnings,
    ...applyLegacyDefaults(matched.data, kinds),
    ...prefixesWithoutClients(matched.data),
    ...hedgesWithoutEffect(matched.data, kinds),
    ...unknownNamers(matched.data),
  ];
  const checked = v.safeParse(schema, matched.data, { message: issueMessage });
  const findings = [
    ...matched.findings,
    ...toFindings(checked.issues ?? [], []),
    ...matched.unmatched.flatMap(({ steps, schema, data }) => {
      return toFindings(v.safeParse(schema, data, { message: issueMessage }).issues ?? [], steps);
    }),
    ...conflicts(source, matched.data, kinds),
  ];
  const warningLines = formatProblems(fileName, locateFindings(source, warnings));
  if (duplicates.length > 0 || findings.length > 0 || !checked.success) {
    const problems = [...duplicates, ...locateFindings(source, findings, matched.misspelt)];
    return { ok: false, problems: formatProblems(fileName, problems), warnings: warningLines };
  }
  const raw = plain(root) as Record<string, unknown>; // a map gives an object
  return { ok: true, config: toConfig(checked.output, raw, kinds), warnings: warningLines };
}

const emptyFile = "the file is empty: expected at least routers";

/** Reports one finding per place, the first, and none below a place that has been reported. */
function locateFindings(
  source: Source,
  findings: readonly Finding[],
  alreadyReported: ReadonlySet<string> = new Set(),
): Problem[] {
  const reported = new Set(alreadyReported);
  const problems: Problem[] = [];
  for (const finding of findings) {
    const isReported = finding.steps.some((_, i) => {
      return reported.has(stepsKey(finding.steps.slice(0, i + 1)));
    });
    if (isReported) continue;
    reported.add(stepsKey(finding.steps));
    problems.push(locateFinding(source, finding));
  }
  return problems;
}

function toFindings(issues: readonly v.BaseIssue<unknown>[], before: readonly Step[]): Finding[] {
  return issues.map(({ path, message, kind, input }) => {
    const steps = (path ?? []).map(({ key }) => (typeof key === "number" ? key : String(key)));
    // A rule about several keys of a map belongs to the key of the map, not to one of its values.
    const isRuleOfMap = kind === "validation" && typeof input === "object" && !Array.isArray(input);
    return { steps: [...before, ...steps], at: isRuleOfMap ? "key" : "value", message };
  });
}

function formatProblems(fileName: string, problems: readonly Problem[]): string[] {
  return problems
    .toSorted((a, b) => a.line - b.line || a.column - b.column)
    .map(({ line, column, steps, message }) => {
      const path = steps.length === 0 ? "" : ` ${showSteps(steps)}`;
      return `${fileName}:${line}:${column}${path}: ${message}`;
    });
}
