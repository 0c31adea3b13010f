// The problems in the form of Finagle's lint: each kind is a rule.
import type { LintRule } from "../../admin/views.ts";
import type { Problems } from "./board.ts";
import { problemKinds } from "./finding.ts";

export function lintRules({ problems }: Problems): readonly LintRule[] {
  return Object.entries(problemKinds).map(([rule, description]) => ({
    rule,
    description,
    issues: problems.filter(({ kind }) => kind === rule).map(({ text }) => text),
  }));
}
