// The names of metrics in PromQL: those of expressions, and the patterns of `{__name__=~"..."}`.

export interface MetricNames {
  readonly names: ReadonlySet<string>;
  /** Each must match a whole name. */
  readonly patterns: ReadonlySet<string>;
}

const token =
  /\s+|#.*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`|\d[\w.]*|[a-zA-Z_:][a-zA-Z0-9_:]*|[=!]~|[=!<>]=|./gy;

/** Their labels in parentheses are not metrics. */
const beforeLabels = new Set(["by", "without", "on", "ignoring", "group_left", "group_right"]);
const words = new Set([
  "and",
  "or",
  "unless",
  "bool",
  "offset",
  "atan2",
  "inf",
  "nan",
  "start",
  "end",
]);

export function metricNamesOf(expression: string): MetricNames {
  const names = new Set<string>();
  const patterns = new Set<string>();
  const tokens = tokensOf(expression);
  const skipTo = (end: string, from: number): number => {
    const at = tokens.indexOf(end, from);
    if (at < 0) throw new Error(`no ${end} in ${expression}`);
    return at;
  };
  for (let i = 0; i < tokens.length; i++) {
    const current = tokens[i]!;
    const next = tokens[i + 1];
    if (current === "{") {
      const end = skipTo("}", i);
      for (let at = i + 1; at < end; at++) {
        if (tokens[at] !== "__name__") continue;
        const kind = tokens[at + 1] === "=~" ? patterns : names;
        kind.add((tokens[at + 2] ?? "").slice(1, -1));
      }
      i = end;
    } else if (current === "[") i = skipTo("]", i);
    else if (beforeLabels.has(current)) i = next === "(" ? skipTo(")", i) : i;
    else if (/^[a-zA-Z_:]/.test(current) && next !== "(" && !words.has(current.toLowerCase())) {
      if (next === "by" || next === "without") continue; // an aggregation such as `sum by (rt) (...)`
      names.add(current);
    }
  }
  return { names, patterns };
}

function tokensOf(expression: string): string[] {
  const all = expression.match(token) ?? [];
  return all.filter((each) => !/^(?:\s|#)/.test(each));
}
