// The difference of two dtabs, entry by entry, for people.
import { showDentry } from "../../core/names/dtab.ts";
import type { Dtab } from "../../core/names/dtab.ts";

/** Lines of `- entry`, `+ entry` and `  entry`; the longest common part stays in place. */
export function diffLines(before: Dtab, after: Dtab): readonly string[] {
  const a = before.map(showDentry);
  const b = after.map(showDentry);
  const lengths = commonLengths(a, b);
  const lines: string[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push(`  ${a[i]} ;`);
      i += 1;
      j += 1;
    } else if (j >= b.length || (i < a.length && at(lengths, i + 1, j) >= at(lengths, i, j + 1))) {
      lines.push(`- ${a[i]} ;`);
      i += 1;
    } else {
      lines.push(`+ ${b[j]} ;`);
      j += 1;
    }
  }
  return lines;
}

export const hasChanges = (lines: readonly string[]): boolean =>
  lines.some((line) => !line.startsWith("  "));

/** Beyond so many entries the parts that differ are shown whole: the table would take too much memory. */
const maxCells = 4_000_000;

type Lengths = readonly Uint32Array[];

/** Of the longest common subsequences behind each pair of positions. */
function commonLengths(a: readonly string[], b: readonly string[]): Lengths {
  if (a.length * b.length > maxCells) return [];
  const lengths = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      lengths[i]![j] =
        a[i] === b[j]
          ? at(lengths, i + 1, j + 1) + 1
          : Math.max(at(lengths, i + 1, j), at(lengths, i, j + 1));
    }
  }
  return lengths;
}

const at = (lengths: Lengths, i: number, j: number): number => lengths[i]?.[j] ?? 0;

/** One entry a line, as a file. */
export const dtabText = (dtab: Dtab): string =>
  dtab.map((each) => `${showDentry(each)} ;\n`).join("");
