// What is kept of one call that has ended: strings and numbers only, each bounded.
import type { FailureKind } from "../failure.ts";

/** `cancelled`: the caller left before it had its response. */
export type CallOutcome = "success" | "failure" | "cancelled";

/** Why an attempt was made. */
export type AttemptReason = "first" | "retry" | "requeue" | "hedge";

export interface RecordedFailure {
  readonly kind: FailureKind;
  /** At most 1,000 characters. */
  readonly detail: string;
}

/** Times are milliseconds after the begin of the call. */
export interface RecordedAttempt {
  /** `host:port`. */
  readonly endpoint: string;
  readonly bound: string | null;
  readonly why: AttemptReason;
  /** Of the span that its endpoint got, 16 hexadecimal digits; null: no spans are exported. */
  readonly spanId: string | null;
  readonly startMs: number;
  /** null: no response came. */
  readonly headMs: number | null;
  readonly endMs: number;
  /** `ignored`: it says nothing about the endpoint. */
  readonly outcome: "success" | "failure" | "ignored" | "cancelled";
  /** Of its response, such as `503`. */
  readonly status: string | null;
  readonly failure: RecordedFailure | null;
}

/** Ids are hexadecimal: 16 digits, a trace id perhaps 32. */
export interface RecordedTrace {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string | null;
  /** null: undecided. */
  readonly sampled: boolean | null;
}

/** Where the time went, in milliseconds; together they are the call's duration. */
export interface RecordedTiming {
  /** Waiting for the name's binding or addresses. */
  readonly bindingMs: number;
  /** Waiting for a connection that other calls used. */
  readonly queueMs: number;
  /** Waiting for a new connection. */
  readonly connectMs: number;
  /** The rest of the time before the response began, earlier attempts included. */
  readonly firstByteMs: number;
  readonly bodyMs: number;
}

export interface CallRecord {
  /** Unique within the process: `http-17`. */
  readonly id: string;
  /** When it began: ISO 8601, UTC. */
  readonly at: string;
  /** The same, in microseconds since 1970. */
  readonly startedUs: number;
  readonly durationMs: number;
  readonly router: string;
  /** `host:port` of the server that took it. */
  readonly server: string;
  readonly protocol: string;
  /** The caller's `host:port`. */
  readonly remote: string;
  readonly method: string;
  /** At most 512 characters. */
  readonly target: string;
  /** The logical name; null: it got none. */
  readonly name: string | null;
  /** The rules of the dtab that led to `bound`, in their order. */
  readonly dentry: string | null;
  readonly bound: string | null;
  readonly residual: string | null;
  /** The endpoint of the last attempt. */
  readonly endpoint: string | null;
  /** As in the access log. */
  readonly status: string;
  readonly outcome: CallOutcome;
  readonly failure: RecordedFailure | null;
  readonly attempts: readonly RecordedAttempt[];
  readonly retries: number;
  readonly requeues: number;
  /** Negative: it had passed; null: no deadline. */
  readonly deadlineLeftMs: number | null;
  readonly trace: RecordedTrace | null;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly timing: RecordedTiming;
  readonly fault: string | null;
  /** Only those that the configuration names, in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

export const maxTargetChars = 512;
export const maxDetailChars = 1_000;
/** Of names, methods, header values and all else. */
export const maxTextChars = 512;

/**
 * At most `maxChars` of `text`, in memory of its own: a part of a string keeps the whole string alive,
 * such as the head of a request.
 */
export function ownText(text: string, maxChars: number): string {
  const end = text.length > maxChars ? `${text.slice(0, maxChars - 1)}…` : text;
  return ` ${end}`.slice(1);
}
