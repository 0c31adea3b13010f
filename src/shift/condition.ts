// When a shift is taken back: `success<99.5% or p99>1.5x`, read once, evaluated against two measured sides.

/** One side of a shift, since its current step began. */
export interface Measured {
  readonly calls: number;
  /** 0 to 1; 1 when there were no calls. */
  readonly success: number;
  /** Milliseconds by percentile; NaN when there were no calls. */
  percentile(p: number): number;
}

export interface Sides {
  readonly old: Measured;
  readonly new: Measured;
}

export interface Condition {
  readonly text: string;
  /** The part that holds, with its numbers, for people; null: it does not hold. */
  broken(sides: Sides): string | null;
}

/** `success<99.5%`, `p99>1.5x` (times the old side's), `p99>200ms`, joined by `or` and `and` (which binds first). */
export function parseCondition(text: string): Condition | string {
  const alternatives: Comparison[][] = [];
  for (const part of text.split(/\s+or\s+/i)) {
    const all: Comparison[] = [];
    for (const each of part.split(/\s+and\s+/i)) {
      const comparison = parseComparison(each.trim());
      if (typeof comparison === "string") return comparison;
      all.push(comparison);
    }
    alternatives.push(all);
  }
  return {
    text,
    broken(sides) {
      for (const all of alternatives) {
        const said = all.map((comparison) => comparison(sides));
        if (said.every((each) => each !== null)) return said.join(" and ");
      }
      return null;
    },
  };
}

/** What holds, for people; null: it does not hold. */
type Comparison = (sides: Sides) => string | null;

const shape = /^(success|p\d{1,2}(?:\.\d+)?)\s*([<>])\s*(\d+(?:\.\d+)?)\s*(%|x|ms|s)$/i;

function parseComparison(text: string): Comparison | string {
  const [, what = "", sign = "", digits = "", unit = ""] = shape.exec(text) ?? [];
  if (what === "") {
    return `'${text}' is no condition: expected one such as success<99.5%, p99>1.5x or p99>200ms`;
  }
  const limit = Number(digits);
  const isSuccess = what.toLowerCase() === "success";
  const holds = (value: number, bound: number) => (sign === "<" ? value < bound : value > bound);
  if (isSuccess) {
    if (unit !== "%") return `'${text}': success is compared with a percentage, such as 99.5%`;
    return ({ new: side }) =>
      side.calls > 0 && holds(side.success * 100, limit)
        ? `success is ${percent(side.success)} (${sign} ${limit} %) of ${side.calls} calls`
        : null;
  }
  if (unit === "%")
    return `'${text}': a latency is compared with ms, s, or x (times the old side's)`;
  const p = Number(what.slice(1));
  return (sides) => {
    const value = sides.new.percentile(p);
    const other = sides.old.percentile(p);
    const bound = unit === "x" ? limit * other : unit === "s" ? limit * 1_000 : limit;
    if (Number.isNaN(value) || Number.isNaN(bound) || !holds(value, bound)) return null;
    const against = unit === "x" ? `${limit} times ${ms(other)} of the old side` : ms(bound);
    return `p${p} is ${ms(value)} (${sign} ${against})`;
  };
}

const ms = (value: number): string => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;

export const percent = (share: number): string =>
  `${(share * 100).toFixed(share < 0.9995 ? 2 : 1)} %`;

/** `1%,5%,25%,50%,100%`: ascending, above 0 and up to 100. */
export function parseSteps(text: string): readonly number[] | string {
  const steps: number[] = [];
  for (const part of text.split(",")) {
    const [, digits = ""] = /^\s*(\d+(?:\.\d{1,2})?)\s*%?\s*$/.exec(part) ?? [];
    const step = Number(digits);
    if (digits === "" || step <= 0 || step > 100) {
      return `'${part.trim()}' is no step: expected percentages above 0 and up to 100, such as 1%,5%,25%,50%,100%`;
    }
    const last = steps.at(-1) ?? 0;
    if (step <= last) return `the steps must grow: ${step} % comes after ${last} %`;
    steps.push(step);
  }
  return steps;
}

/** `60s`, `500ms`, `5m`, as milliseconds. */
export function parseDuration(text: string): number | string {
  const [, digits = "", unit = ""] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text.trim()) ?? [];
  const factor = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[unit];
  return factor === undefined
    ? `'${text}' is no duration: expected one such as 500ms, 60s or 5m`
    : Number(digits) * factor;
}
