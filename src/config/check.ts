// A configuration file's text -> a Config, or every problem it has, one a line.
import * as v from "valibot";
import { configOf } from "./config.ts";
import { conflicts, futileHedges, futilePrefixes } from "./conflicts.ts";
import { applyOldDialect } from "./legacy-defaults.ts";
import { located, showSteps, stepsKey } from "./locate.ts";
import { phrase } from "./issue-messages.ts";
import { fileSchema } from "./schemas/file.ts";
import { shape } from "./unknown-keys.ts";
import { unknownNamers } from "./unknown-namers.ts";
import { plain, readYaml } from "./yaml.ts";
import type { Config } from "./config.ts";
import type { Kinds } from "./kinds.ts";
import type { Finding } from "./locate.ts";
import type { Problem, Source, Step } from "./yaml.ts";

export type { Config };

export type CheckResult =
  | { readonly ok: true; readonly config: Config; readonly warnings: readonly string[] }
  | {
      readonly ok: false;
      readonly problems: readonly string[];
      readonly warnings: readonly string[];
    };

/**
 * Checks all of a file against what this build knows. Problems and warnings read
 * `file:line:column path: what is wrong` and come in the order of the file; a file with a problem
 * gives no Config. `fileName` is only shown.
 */
export function checkConfig(text: string, fileName: string, kinds: Kinds): CheckResult {
  const read = readYaml(text);
  if (!read.ok) return { ok: false, problems: shown(fileName, read.problems), warnings: [] };
  const { source } = read;
  const { root, twice } = source;
  if (root?.kind !== "map") {
    const message =
      root === null ? emptyFile : "expected a map of admin, namers, routers, telemetry";
    const problem = located(source, { steps: [], at: "value", message });
    return { ok: false, problems: shown(fileName, [problem]), warnings: [] };
  }
  const schema = fileSchema(kinds);
  const shaped = shape(root, schema);
  const warnings = [
    ...shaped.warnings,
    ...applyOldDialect(shaped.data, kinds),
    ...futilePrefixes(shaped.data),
    ...futileHedges(shaped.data, kinds),
    ...unknownNamers(shaped.data),
  ];
  const checked = v.safeParse(schema, shaped.data, { message: phrase });
  const findings = [
    ...shaped.findings,
    ...issuesOf(checked.issues ?? [], []),
    ...shaped.leftovers.flatMap(({ steps, schema, data }) => {
      return issuesOf(v.safeParse(schema, data, { message: phrase }).issues ?? [], steps);
    }),
    ...conflicts(source, shaped.data, kinds),
  ];
  const told = shown(fileName, locate(source, warnings));
  if (twice.length > 0 || findings.length > 0 || !checked.success) {
    const problems = [...twice, ...locate(source, findings, shaped.misspelt)];
    return { ok: false, problems: shown(fileName, problems), warnings: told };
  }
  const raw = plain(root) as Record<string, unknown>; // a map gives an object
  return { ok: true, config: configOf(checked.output, raw, kinds), warnings: told };
}

const emptyFile = "the file is empty: expected at least routers";

/** Of several findings about one place the first is enough; so is one about what it stands in. */
function locate(
  source: Source,
  findings: readonly Finding[],
  silent: ReadonlySet<string> = new Set(),
): Problem[] {
  const told = new Set(silent);
  const problems: Problem[] = [];
  for (const finding of findings) {
    const isTold = finding.steps.some((_, i) => told.has(stepsKey(finding.steps.slice(0, i + 1))));
    if (isTold) continue;
    told.add(stepsKey(finding.steps));
    problems.push(located(source, finding));
  }
  return problems;
}

function issuesOf(issues: readonly v.BaseIssue<unknown>[], before: readonly Step[]): Finding[] {
  return issues.map(({ path, message, kind, input }) => {
    const steps = (path ?? []).map(({ key }) => (typeof key === "number" ? key : String(key)));
    // A rule about several keys of a map concerns the map, not the text in it.
    const isRuleOfMap = kind === "validation" && typeof input === "object" && !Array.isArray(input);
    return { steps: [...before, ...steps], at: isRuleOfMap ? "key" : "value", message };
  });
}

function shown(fileName: string, problems: readonly Problem[]): string[] {
  return problems
    .toSorted((a, b) => a.line - b.line || a.column - b.column)
    .map(({ line, column, steps, message }) => {
      const path = steps.length === 0 ? "" : ` ${showSteps(steps)}`;
      return `${fileName}:${line}:${column}${path}: ${message}`;
    });
}
