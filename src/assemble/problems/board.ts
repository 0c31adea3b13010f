// The problems of the process: looked for once a second, logged when they come and go.
import { setImmediate as nextTurn } from "node:timers/promises";
import { showSteps } from "../../config/yaml/locate.ts";
import type { Step } from "../../config/yaml/yaml.ts";
import type { Clock, Close } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import type { Stats } from "../../core/stats.ts";
import type { Finding, Findings, Severity, Subject } from "./finding.ts";

export interface Place {
  readonly file: string;
  readonly line: number;
}

export interface Problem extends Omit<Finding, "steps" | "key" | "forMs"> {
  /** The same as long as it lasts, and when it comes back. */
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly sinceMs: number;
  readonly where: Place | null;
}

export interface Problems {
  readonly atMs: number;
  /** Worst first, then the oldest. */
  readonly problems: readonly Problem[];
  /** Those that were found beside them, beyond the limit. */
  readonly more: number;
  readonly looked: readonly string[];
}

export interface BoardDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** `problems`: a gauge for each severity. */
  readonly stats: Stats;
  /** All detectors; `isShown` says whether a problem with this id is shown already. */
  find(isShown: (id: string) => boolean): Findings;
  looked(): readonly string[];
  place(steps: readonly Step[]): Place;
}

const lookEveryMs = 1_000;
/** A problem is over when it was not found for so long. */
const overAfterMs = 1_500;
/** The event loop is handed back after so long. */
const sliceMs = 2;
/** Of each severity. */
const maxProblems = 200;

interface Shown {
  finding: Finding;
  readonly sinceMs: number;
  /** By the monotonic clock. */
  seenMs: number;
}

const severities = ["critical", "warning", "notice"] as const;

/** Owns a timer. What a detector throws is a bug: it is logged, and the rest of that look is left out. */
export class ProblemBoard {
  readonly #deps: BoardDeps;
  readonly #shown = new Map<string, Shown>();
  #more = 0;
  #atMs = 0;
  #lookedMs = -Infinity;
  #looking: Promise<void> | null = null;
  #stop: Close = () => {};
  #isClosed = false;

  constructor(deps: BoardDeps) {
    this.#deps = deps;
    for (const severity of severities) deps.stats.gauge(() => this.#count(severity), severity);
    this.#lookLater();
  }

  /** At most a second old. */
  async current(): Promise<Problems> {
    if (this.#deps.clock.nowMs() - this.#lookedMs >= lookEveryMs) await this.#look();
    const problems = Array.from(this.#shown, ([id, shown]) => this.#problemOf(id, shown));
    problems.sort((a, b) => rank(a.severity) - rank(b.severity) || a.sinceMs - b.sinceMs);
    const { looked } = this.#deps;
    return { atMs: this.#atMs, problems, more: this.#more, looked: looked() };
  }

  close(): void {
    this.#isClosed = true;
    this.#stop();
  }

  #count(severity: Severity): number {
    let count = 0;
    for (const { finding } of this.#shown.values()) if (finding.severity === severity) count++;
    return count;
  }

  #problemOf(id: string, { finding, sinceMs }: Shown): Problem {
    const { steps, key: _, forMs: __, ...rest } = finding;
    return { id, sinceMs, ...rest, where: steps === null ? null : this.#deps.place(steps) };
  }

  #lookLater(): void {
    this.#stop = this.#deps.clock.after(lookEveryMs, () => {
      void this.#look().then(() => {
        if (!this.#isClosed) this.#lookLater();
      });
    });
  }

  #look(): Promise<void> {
    return (this.#looking ??= this.#lookNow().finally(() => (this.#looking = null)));
  }

  async #lookNow(): Promise<void> {
    const { clock, log } = this.#deps;
    const found = new Map<string, Finding>();
    try {
      await this.#collect(found);
    } catch (err) {
      log.error({ event: "the search for problems failed", err });
    }
    if (this.#isClosed) return;
    this.#lookedMs = clock.nowMs();
    this.#atMs = clock.wallMs();
    for (const [id, finding] of found) this.#see(id, finding);
    for (const [id, shown] of this.#shown) {
      if (this.#lookedMs - shown.seenMs >= overAfterMs) this.#forget(id, shown);
    }
  }

  async #collect(found: Map<string, Finding>): Promise<void> {
    const { clock, find } = this.#deps;
    const counts = { critical: 0, warning: 0, notice: 0 };
    let more = 0;
    let startedMs = clock.nowMs();
    for (const finding of find((id) => this.#shown.has(id))) {
      if (finding !== null && counts[finding.severity]++ < maxProblems) {
        found.set(`${finding.kind} ${finding.key}`.trim(), finding);
      } else if (finding !== null) more++;
      if (clock.nowMs() - startedMs < sliceMs) continue;
      await nextTurn();
      if (this.#isClosed) return;
      startedMs = clock.nowMs();
    }
    this.#more = more;
  }

  #see(id: string, finding: Finding): void {
    const known = this.#shown.get(id);
    if (known !== undefined) {
      known.finding = finding;
      known.seenMs = this.#lookedMs;
      return;
    }
    const sinceMs = this.#atMs - (finding.forMs ?? 0);
    this.#shown.set(id, { finding, sinceMs, seenMs: this.#lookedMs });
    const { kind, severity, text, advice, subject, steps } = finding;
    const where = steps === null ? {} : { where: showSteps(steps) };
    const event = { event: "problem", id, kind, severity, text, advice, ...subject, ...where };
    if (severity === "notice") this.#deps.log.info(event);
    else this.#deps.log.warn(event);
  }

  #forget(id: string, { finding: { severity, text }, sinceMs }: Shown): void {
    this.#shown.delete(id);
    const lastedMs = Math.round(this.#atMs - sinceMs);
    this.#deps.log.info({ event: "problem over", id, severity, lastedMs, was: text });
  }
}

function rank(severity: Severity): number {
  return severities.indexOf(severity);
}

/** As `/problems.json` has it. */
export function problemsJson({ atMs, problems, more, looked }: Problems) {
  return {
    at: new Date(atMs).toISOString(),
    problems: problems.map(problemJson),
    more,
    looked,
  };
}

function problemJson({ sinceMs, ...problem }: Problem) {
  const { id, severity, kind, text, where, advice, subject } = problem;
  const since = new Date(sinceMs).toISOString();
  return { id, severity, kind, text, since, where, advice, subject: subject satisfies Subject };
}
