// One trace through all hops: the records of all instances that have its id, as one waterfall.
import type { Fleet } from "../fleet.ts";
import { isFields } from "../page/checks.ts";
import type { Follower } from "../scrape/follower.ts";
import { callsOf } from "./calls.ts";
import { joined } from "./trace-tree.ts";
import type { FleetCall, TraceRow, Trace } from "./shapes.ts";

export async function traceOf(fleet: Fleet, traceId: string): Promise<Trace> {
  const found = await callsOf(fleet, `trace=${encodeURIComponent(traceId)}&limit=100`);
  // An instance sends what it likes.
  const calls = found.calls.filter(({ call }) => isSameTrace(spanOf(call).traceId, traceId));
  const rows = new Waterfall(calls, fleet.followers()).rows();
  const first = calls.at(-1);
  return {
    traceId,
    at: first?.call.at ?? null,
    durationMs: Math.max(0, ...rows.map((row) => row.startMs + row.durationMs)),
    hops: calls.length,
    rows,
    calls,
    asked: found.asked,
    missing: found.missing,
  };
}

/** Some hops know only the lower half of a trace id of 128 bits. */
function isSameTrace(a: string | null, b: string): boolean {
  return (
    a !== null && (a === b || a.endsWith(b) || b.endsWith(a)) && Math.min(a.length, b.length) >= 16
  );
}

export interface Span {
  readonly traceId: string | null;
  readonly spanId: string | null;
  readonly parentId: string | null;
}

function spanOf(call: FleetCall["call"]): Span {
  const trace = isFields(call["trace"]) ? call["trace"] : {};
  const text = (key: string) => {
    const value = trace[key];
    return typeof value === "string" ? value : null;
  };
  return { traceId: text("traceId"), spanId: text("spanId"), parentId: text("parentId") };
}

export interface Attempt {
  /** What its endpoint got as the parent; null: not in the record. */
  readonly spanId: string | null;
  readonly endpoint: string;
  readonly why: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly outcome: string;
  readonly status: string | null;
  readonly failure: string | null;
}

/** One call, with those that it led to. */
export interface Hop {
  readonly found: FleetCall;
  readonly span: Span;
  readonly wallMs: number;
  readonly attempts: readonly Attempt[];
  readonly children: Child[];
}

/** A call, and the attempt of its parent that led to it; null: not known which. */
export interface Child {
  readonly hop: Hop;
  readonly attempt: Attempt | null;
  /** It listens on the attempt's address: what is between the two is the network. */
  readonly isRemote: boolean;
}

class Waterfall {
  readonly #roots: readonly Hop[];
  readonly #rows: TraceRow[] = [];

  constructor(calls: readonly FleetCall[], followers: readonly Follower[]) {
    this.#roots = joined(calls.map(hopOf), followers);
  }

  rows(): readonly TraceRow[] {
    const [first] = this.#roots;
    if (first === undefined) return [];
    for (const root of this.#roots) this.#call(root, Math.max(0, root.wallMs - first.wallMs), 0);
    return this.#rows;
  }

  #call(hop: Hop, startMs: number, depth: number): void {
    const { call } = hop.found;
    const text = [call["method"], call["name"] ?? call["target"]].filter(isText).join(" ");
    this.#add(hop, "call", depth, {
      text,
      startMs,
      durationMs: call.durationMs,
      status: textIn(call, "status"),
      isFailure: call["outcome"] === "failure",
      note: failureIn(call["failure"]),
    });
    for (const attempt of hop.attempts) this.#attempt(hop, attempt, startMs, depth + 1);
    for (const { hop: child, attempt } of hop.children) {
      if (attempt === null) this.#call(child, within(hop, child, startMs), depth + 1);
    }
  }

  #attempt(hop: Hop, attempt: Attempt, startMs: number, depth: number): void {
    const durationMs = attempt.endMs - attempt.startMs;
    const begunMs = startMs + attempt.startMs;
    this.#add(hop, "attempt", depth, {
      text: attempt.endpoint,
      startMs: begunMs,
      durationMs,
      status: attempt.status,
      isFailure: attempt.outcome === "failure",
      note: attempt.failure ?? attempt.why,
    });
    for (const child of hop.children) {
      if (child.attempt !== attempt) continue;
      if (child.isRemote) this.#remote(hop, child.hop, begunMs, durationMs, depth + 1);
      else this.#call(child.hop, within(hop, child.hop, startMs), depth + 1);
    }
  }

  /** Two clocks do not agree to the millisecond: both ways of the network are shown as if they were alike. */
  #remote(hop: Hop, child: Hop, begunMs: number, durationMs: number, depth: number): void {
    const network = Math.max(0, durationMs - child.found.call.durationMs);
    this.#add(hop, "network", depth, {
      text: `${hop.found.instanceName} to ${child.found.instanceName} and back`,
      startMs: begunMs,
      durationMs: network,
      status: null,
      isFailure: false,
      note: null,
    });
    this.#call(child, begunMs + network / 2, depth);
  }

  #add(
    { found }: Hop,
    kind: TraceRow["kind"],
    depth: number,
    fields: Pick<TraceRow, "text" | "startMs" | "durationMs" | "status" | "isFailure" | "note">,
  ): void {
    const { instance, instanceName, call } = found;
    const router = textIn(call, "router") ?? "?";
    this.#rows.push({ kind, depth, instance, instanceName, router, call: call.id, ...fields });
  }
}

/** Where a child begins, by the two clocks, held within its parent. */
function within(parent: Hop, child: Hop, startMs: number): number {
  const latest = startMs + Math.max(0, parent.found.call.durationMs - child.found.call.durationMs);
  return Math.max(startMs, Math.min(latest, startMs + child.wallMs - parent.wallMs));
}

function hopOf(found: FleetCall): Hop {
  const { call } = found;
  const listed = Array.isArray(call["attempts"]) ? (call["attempts"] as unknown[]) : [];
  return {
    found,
    span: spanOf(call),
    wallMs: Date.parse(call.at),
    attempts: listed.slice(0, 50).filter(isFields).map(attemptOf),
    children: [],
  };
}

function attemptOf(fields: Readonly<Record<string, unknown>>): Attempt {
  const number = (key: string) => (typeof fields[key] === "number" ? fields[key] : 0);
  const startMs = number("startMs");
  return {
    spanId: textIn(fields, "spanId"),
    endpoint: textIn(fields, "endpoint") ?? "?",
    why: textIn(fields, "why") ?? "first",
    startMs,
    endMs: Math.max(startMs, number("endMs")),
    outcome: textIn(fields, "outcome") ?? "?",
    status: textIn(fields, "status"),
    failure: failureIn(fields["failure"]),
  };
}

function failureIn(value: unknown): string | null {
  if (!isFields(value)) return null;
  const [kind, detail] = [textIn(value, "kind"), textIn(value, "detail")];
  return detail ?? kind;
}

function textIn(fields: Readonly<Record<string, unknown>>, key: string): string | null {
  const value = fields[key];
  return typeof value === "string" ? value : null;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}
