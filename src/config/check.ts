// Turns the text of a configuration file into a Config, or into all of its problems.
import * as v from "valibot";
import { toConfig } from "./to-config.ts";
import { applyLegacyDefaults } from "./legacy/legacy-defaults.ts";
import { lineOf, locateFinding, showSteps, stepsKey } from "./yaml/locate.ts";
import { issueMessage } from "./issue-messages.ts";
import { describedBy } from "./schemas/admin.ts";
import { fileSchema } from "./schemas/file.ts";
import { matchKeys } from "./unknown-keys.ts";
import { conflicts, suspicions } from "./rules/rules.ts";
import { plain, readYaml } from "./yaml/yaml.ts";
import type { Config } from "./config.ts";
import type { Kinds } from "./kinds.ts";
import type { Finding } from "./yaml/locate.ts";
import type { Problem, Source, Step } from "./yaml/yaml.ts";

export type { Config };

/** An error or a warning, at its place in the file. */
export interface Report {
  /** 1-based. */
  readonly line: number;
  readonly column: number;
  /** Such as `routers[0].servers[1].port`; empty when it concerns the text as a whole. */
  readonly path: string;
  readonly message: string;
}

export interface Warning extends Report {
  /** The file is good, but nothing can run with it here and now. */
  readonly preventsRun: boolean;
}

/** Reports come in the order of the file; a file with an error yields no Config. */
export type CheckResult =
  | { readonly ok: true; readonly config: Config; readonly warnings: readonly Warning[] }
  | {
      readonly ok: false;
      readonly errors: readonly Report[];
      readonly warnings: readonly Warning[];
    };

/** Checks a whole file against the kinds of this build. The running proxy calls it `file`. */
export function checkText(text: string, kinds: Kinds, file: string | null = null): CheckResult {
  const read = readYaml(text);
  if (!read.ok) return failed(read.problems);
  const { source } = read;
  const { root, duplicates } = source;
  if (root?.kind !== "map") {
    const message =
      root === null
        ? emptyFile
        : "expected a map with keys such as admin, namers, routers, telemetry";
    return failed([locateFinding(source, { steps: [], at: "value", message })]);
  }
  const has = (key: string) => root.entries.has(key);
  const schema = fileSchema(kinds, describedBy(has));
  const matched = matchKeys(root, schema, text);
  const suspicious = [
    ...matched.warnings,
    ...applyLegacyDefaults(matched.data, kinds),
    ...suspicions(matched.data, kinds),
  ];
  const warnings = inOrder(locateFindings(source, suspicious)).map(toWarning);
  const checked = v.safeParse(schema, matched.data, { message: issueMessage });
  const findings = [
    ...matched.findings,
    ...toFindings(checked.issues ?? [], []),
    ...matched.unmatched.flatMap(({ steps, schema, data }) => {
      return toFindings(v.safeParse(schema, data, { message: issueMessage }).issues ?? [], steps);
    }),
    ...conflicts(source, matched.data, kinds),
  ];
  if (duplicates.length > 0 || findings.length > 0 || !checked.success) {
    const problems = [...duplicates, ...locateFindings(source, findings, matched.misspelt)];
    return failed(problems, warnings);
  }
  const raw = plain(root) as Record<string, unknown>; // a map gives an object
  const document = { text, lineOf: (steps: readonly Step[]) => lineOf(source, steps) };
  const placeOf = (steps: readonly Step[]) => {
    return `${file === null ? "line " : `${file}:`}${lineOf(source, steps)}`;
  };
  const config = toConfig(checked.output, raw, kinds, placeOf);
  return { ok: true, config: { ...config, document }, warnings };
}

const emptyFile = "the file is empty: expected at least routers";

function failed(problems: readonly Problem[], warnings: readonly Warning[] = []): CheckResult {
  return { ok: false, errors: inOrder(problems).map(toReport), warnings };
}

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

function inOrder(problems: readonly Problem[]): Problem[] {
  return problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
}

function toReport({ line, column, steps, message }: Problem): Report {
  return { line, column, path: showSteps(steps), message };
}

function toWarning(problem: Problem): Warning {
  return { ...toReport(problem), preventsRun: problem.preventsRun === true };
}
