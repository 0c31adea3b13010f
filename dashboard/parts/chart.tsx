// Curves over ten minutes, drawn by uPlot in the colours of the page.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import type { Curve } from "../../src/admin/dashboard/shapes.ts";

export interface ChartLine {
  readonly label: string;
  readonly curve: Curve;
  /** A custom property of the style sheet, without its dashes. */
  readonly colour: "accent" | "bad" | "warn" | "dim" | "ink";
  /** Drawn as a filled area. */
  readonly isFilled?: boolean;
}

interface ChartProps {
  readonly title: string;
  readonly unit: string;
  readonly lines: readonly ChartLine[];
  /** Seconds since 1970 of the last sample. */
  readonly lastSeconds: number;
  readonly periodSeconds: number;
  /** The ends of the scale; absent: from zero to what the curves need, but at least to `atLeast`. */
  readonly range?: readonly [low: number, high: number];
  readonly atLeast?: number;
  readonly show: (value: number) => string;
}

const height = 150;
const samples = 120;

export function Chart(props: ChartProps) {
  const { title, unit, lines } = props;
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const looks = lines.map(({ label, colour }) => `${label} ${colour}`);
  const theme = [...looks, ...(props.range ?? [])].join();
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const make = () => {
      plot.current?.destroy();
      plot.current = new uPlot(optionsOf(props, element.clientWidth), dataOf(props), element);
    };
    make();
    const resized = new ResizeObserver(() => {
      const width = element.clientWidth;
      if (width > 0 && width !== plot.current?.width) plot.current?.setSize({ width, height });
    });
    resized.observe(element);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", make);
    return () => {
      resized.disconnect();
      scheme.removeEventListener("change", make);
      plot.current?.destroy();
      plot.current = null;
    };
  }, [theme]);
  useEffect(() => plot.current?.setData(dataOf(props)), [props.lastSeconds, lines[0]?.curve]);
  return (
    <figure class="chart">
      <figcaption>
        {title} <span class="dim">{unit}</span>
        <span class="keys">
          {lines.map(({ label, colour }) => (
            <span>
              <i class={`key ${colour}`} aria-hidden="true" />
              {label}
            </span>
          ))}
        </span>
      </figcaption>
      <div ref={place} role="img" aria-label={inWords(props)} />
    </figure>
  );
}

/** For those who do not see the curves. */
function inWords({ title, unit, lines, show }: ChartProps): string {
  const parts = lines.map(({ label, curve }) => {
    const known = curve.filter((value) => value !== null);
    const last = known.at(-1);
    if (last === undefined) return `${label}: no data`;
    const range = `between ${show(Math.min(...known))} and ${show(Math.max(...known))}`;
    return `${label}: now ${show(last)}, ${range}`;
  });
  return `${title}, ${unit}, last ten minutes. ${parts.join(". ")}`;
}

/** Always ten minutes wide, whatever is known of them. */
function dataOf({ lines, lastSeconds, periodSeconds }: ChartProps): uPlot.AlignedData {
  const times = Array.from({ length: samples }, (_, i) => {
    return lastSeconds - (samples - 1 - i) * periodSeconds;
  });
  const padded = lines.map(({ curve }) => {
    const missing = Math.max(0, samples - curve.length);
    return [...Array.from({ length: missing }, () => null), ...curve];
  });
  return [times, ...padded];
}

function optionsOf(props: ChartProps, width: number): uPlot.Options {
  const { lines, range, atLeast = 1, show } = props;
  const colour = (name: string) =>
    getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const font = "11px system-ui, sans-serif";
  const axis = { stroke: colour("dim"), font, ticks: { show: false } };
  const grid = { stroke: colour("line"), width: 1 };
  return {
    width: Math.max(width, 100),
    height,
    padding: [8, 16, 0, 0],
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
    legend: { show: true, live: true, markers: { show: false } },
    scales: {
      y: {
        range: (_plot, _low, high) =>
          range === undefined ? [0, Math.max((high ?? 0) * 1.1, atLeast)] : [...range],
      },
    },
    axes: [
      { ...axis, grid: { show: false }, size: 22, values: (_plot, at) => at.map(hourMinute) },
      {
        ...axis,
        grid,
        size: 44,
        values: (_plot, at) => at.map((value) => show(value)),
        space: 32,
      },
    ],
    series: [
      { label: "at", value: (_plot, at) => (at === null ? "" : hourMinute(at, true)) },
      ...lines.map(({ label, colour: name, isFilled = false }): uPlot.Series => ({
        label,
        stroke: colour(name),
        width: 1.5,
        spanGaps: false,
        points: { show: false },
        value: (_plot, value) => (value === null ? "–" : show(value)),
        ...(isFilled ? { fill: `${colour(name)}22` } : {}),
      })),
    ],
  };
}

function hourMinute(seconds: number, withSeconds: boolean | number = false): string {
  const text = new Date(seconds * 1_000).toTimeString();
  return text.slice(0, withSeconds === true ? 8 : 5);
}
