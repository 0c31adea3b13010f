// One call on its time line: where its time went, and each attempt.
import type { RecordedAttempt } from "../../src/admin/dashboard/shapes.ts";
import type { Call } from "../data/calls.ts";
import { figure } from "../data/words.ts";

interface Bar {
  readonly from: number;
  readonly to: number;
  readonly tone: "wait" | "work" | "body" | "bad";
  readonly text: string;
}

interface Line {
  readonly label: string;
  readonly note: string;
  readonly isBad: boolean;
  readonly ms: number;
  readonly bars: readonly Bar[];
}

export function Waterfall({ call }: { readonly call: Call }) {
  const totalMs = Math.max(call.durationMs, ...call.attempts.map(({ endMs }) => endMs), 0.001);
  const lines = [lineOfCall(call), ...call.attempts.map(lineOfAttempt)];
  return (
    <ol class="waterfall" aria-label="Time line">
      <li class="scale" aria-hidden="true">
        <span />
        <span class="track">
          {[0, 0.25, 0.5, 0.75, 1].map((share) => (
            <i style={{ left: `${share * 100}%` }}>{figure(round(totalMs * share))}</i>
          ))}
        </span>
        <span>ms</span>
      </li>
      {lines.map((line) => (
        <LineItem line={line} totalMs={totalMs} />
      ))}
    </ol>
  );
}

function LineItem({ line, totalMs }: { readonly line: Line; readonly totalMs: number }) {
  const percent = (ms: number) => `${Math.min(100, (ms / totalMs) * 100)}%`;
  return (
    <li>
      <span class="what">
        {line.label} <small class={line.isBad ? "bad" : "dim"}>{line.note}</small>
      </span>
      <span class="track">
        {line.bars.map(({ from, to, tone, text }) => (
          <b
            class={tone}
            title={`${text}: ${figure(round(to - from))} ms`}
            style={{ left: percent(from), width: percent(Math.max(0, to - from)) }}
          />
        ))}
        <span class="sr">{line.bars.map(({ text, from, to }) => `${text} ${to - from} ms`)}</span>
      </span>
      <span>{figure(round(line.ms))}</span>
    </li>
  );
}

/** The waits in the order in which they happen, the first byte last; then the body. */
function lineOfCall({ timing, durationMs, outcome }: Call): Line {
  const parts = [
    ["waiting for the name", timing.bindingMs, "wait"],
    ["waiting for a free connection", timing.queueMs, "wait"],
    ["connecting", timing.connectMs, "wait"],
    ["until the first byte", timing.firstByteMs, "work"],
    ["the rest of the response", timing.bodyMs, "body"],
  ] as const;
  let at = 0;
  const bars = parts.flatMap(([text, ms, tone]): Bar[] => {
    const from = at;
    at += ms;
    return ms > 0 ? [{ from, to: at, tone, text }] : [];
  });
  return { label: "the call", note: outcome, isBad: outcome === "failure", ms: durationMs, bars };
}

function lineOfAttempt(attempt: RecordedAttempt): Line {
  const { endpoint, why, startMs, headMs, endMs, outcome, status, failure } = attempt;
  const isBad = outcome === "failure";
  const words = [why === "first" ? "" : why, failure?.kind ?? status ?? outcome].filter(Boolean);
  const head = headMs ?? endMs;
  return {
    label: endpoint,
    note: words.join(", "),
    isBad,
    ms: endMs - startMs,
    bars: [
      { from: startMs, to: head, tone: isBad ? "bad" : "work", text: "until the first byte" },
      { from: head, to: endMs, tone: isBad ? "bad" : "body", text: "the rest of the response" },
    ],
  };
}

function round(ms: number): number {
  return ms >= 10 ? Math.round(ms * 10) / 10 : Math.round(ms * 100) / 100;
}
