// A curve as small as a word.
import { useMemo } from "preact/hooks";
import type { Curve } from "../../src/admin/dashboard/shapes.ts";

const width = 132;
const height = 22;
const samples = 120;

interface SparkProps {
  readonly curve: Curve | undefined;
  /** Drawn as red strokes from the bottom, in the scale of the curve. */
  readonly failures?: Curve | undefined;
  readonly label: string;
  readonly isQuiet?: boolean;
}

export function Spark({ curve, failures, label, isQuiet = false }: SparkProps) {
  // Drawn anew with every sample, not with every message: there may be thousands.
  const paths = useMemo(() => pathsOf(curve, failures), [curve, failures]);
  if (paths === null) return null;
  return (
    <svg
      class={isQuiet ? "spark quiet" : "spark"}
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-label={label}
    >
      <path d={paths.line} />
      {paths.bad === "" ? null : <path class="bad" d={paths.bad} />}
    </svg>
  );
}

interface Paths {
  readonly line: string;
  /** Empty: nothing failed. */
  readonly bad: string;
}

function pathsOf(curve: Curve | undefined, failures: Curve | undefined): Paths | null {
  if (curve === undefined || curve.every((value) => value === null)) return null;
  const max = Math.max(...curve.map((value) => value ?? 0), 1e-9);
  const first = samples - curve.length;
  const x = (i: number) => (((first + i) * width) / (samples - 1)).toFixed(1);
  const y = (value: number) => (height - 1.5 - (value / max) * (height - 3)).toFixed(1);
  return { line: line(curve, x, y), bad: failures === undefined ? "" : strokes(failures, x, y) };
}

type Scale = (value: number) => string;

/** Gaps stay gaps. */
function line(curve: Curve, x: Scale, y: Scale): string {
  let text = "";
  let isDown = false;
  for (const [i, value] of curve.entries()) {
    if (value === null) isDown = false;
    else {
      text += `${isDown ? "L" : "M"}${x(i)} ${y(value)}`;
      isDown = true;
    }
  }
  return text;
}

function strokes(curve: Curve, x: Scale, y: Scale): string {
  return curve
    .map((value, i) => ((value ?? 0) > 0 ? `M${x(i)} ${height}V${y(value ?? 0)}` : ""))
    .join("");
}
