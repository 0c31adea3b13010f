// Recorded traces as lines of the log, for a look without a collector.
//
//     telemetry:
//     - kind: io.l5d.tracelog
//       sampleRate: 0.01
//       level: INFO
import * as v from "valibot";
import type { CallRecord } from "../../core/calls/record.ts";
import { plugin } from "../../core/plugin.ts";
import { decimal, says } from "../../core/schema.ts";
import type { Log } from "../../core/log.ts";
import type { Telemeter, TelemeterDeps } from "../telemeter.ts";

/** Linkerd's levels and those of this log. */
const levels = {
  ALL: "debug",
  TRACE: "debug",
  DEBUG: "debug",
  INFO: "info",
  WARNING: "warn",
  ERROR: "error",
  CRITICAL: "error",
  FATAL: "error",
} as const;
type LevelName = keyof typeof levels;

const schema = v.strictObject({
  kind: v.literal("io.l5d.tracelog"),
  sampleRate: says(
    "The share of the traces to log that no caller has decided.",
    v.optional(decimal(0, 1), 1),
  ),
  level: says(
    "The level of the lines.",
    v.optional(v.picklist(Object.keys(levels) as LevelName[]), "INFO"),
  ),
});

/** Lines of one second; beyond, calls are counted and not logged. */
const maxLines = 1_000;

export const tracelog = plugin({
  kind: "io.l5d.tracelog",
  schema,
  create: async ({ kind, sampleRate, level }, deps: TelemeterDeps): Promise<Telemeter> => {
    const [{ exportCalls }, { spanLines }] = await Promise.all([
      import("./exporter.ts"),
      import("./span-lines.ts"),
    ]);
    const writer = new LineWriter(deps.log, levels[level], deps, spanLines);
    const stop = exportCalls(kind, sampleRate, deps, writer);
    return {
      pages: [],
      spans: () => ({ to: `the log, at level ${level}`, ...writer.state }),
      close: async () => stop(),
    };
  },
});

type LinesOf = (call: CallRecord) => readonly Readonly<Record<string, unknown>>[];

/** One line for each span, within the limit. */
class LineWriter {
  readonly #log: Log;
  readonly #level: "debug" | "info" | "warn" | "error";
  readonly #deps: Pick<TelemeterDeps, "clock" | "stats">;
  readonly #linesOf: LinesOf;
  readonly #sent;
  readonly #dropped;
  #second = 0;
  #lines = 0;
  #dropsBefore = 0;

  constructor(
    log: Log,
    level: (typeof levels)[LevelName],
    deps: Pick<TelemeterDeps, "clock" | "stats">,
    linesOf: LinesOf,
  ) {
    this.#log = log;
    this.#level = level;
    this.#deps = deps;
    this.#linesOf = linesOf;
    this.#sent = deps.stats.counter("spans", "sent");
    this.#dropped = deps.stats.counter("spans", "dropped");
  }

  get state() {
    return { sent: this.#sent.value, dropped: this.#dropped.value, queued: 0, problem: null };
  }

  hasRoom(): boolean {
    const second = Math.floor(this.#deps.clock.nowMs() / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#lines = 0;
      this.#sayDrops();
    }
    if (this.#lines < maxLines) return true;
    this.#dropped.value++;
    return false;
  }

  take(call: CallRecord): void {
    for (const line of this.#linesOf(call)) {
      this.#lines++;
      this.#sent.value++;
      this.#log[this.#level]({ event: "span", ...line });
    }
  }

  #sayDrops(): void {
    const dropped = this.#dropped.value - this.#dropsBefore;
    this.#dropsBefore = this.#dropped.value;
    if (dropped === 0) return;
    const advice = `at most ${maxLines} lines a second are logged; lower sampleRate of io.l5d.tracelog`;
    this.#log.warn({ event: "traces left out", calls: dropped, advice });
  }
}
