// What a call is at its end, to whoever records it: the protocol's object, and how to read it.
import type { Address } from "../address.ts";
import type { Verdict } from "../classifier.ts";
import type { Failure } from "../failure.ts";
import type { BoundName, Request } from "../request.ts";
import type { TraceId } from "../tracing/trace-id.ts";
import type { AttemptReason, CallOutcome, RecordedTrace } from "./record.ts";

/** One call as its caller saw it end. Reported once; must not be kept, only read. */
export interface EndedCall {
  /** null: what came never became a request. */
  readonly request: Request | null;
  readonly failure: Failure | null;
  /** `Clock.nowMs` when the request was here, and when its response had ended. */
  readonly startedMs: number;
  readonly endedMs: number;
  /** Of the response, as in the access log. */
  readonly sentBytes: number;
}

/** One end of a connection. */
type Remote = Pick<Address, "host" | "port">;

/** What only the protocol can say of a call; read when a record is made, which is rare. */
export interface CallDescription {
  readonly remote: Remote;
  readonly method: string;
  readonly target: string;
  readonly status: string;
  readonly receivedBytes: number;
  readonly trace: RecordedTrace | null;
  /** Those of the named ones that the request had, names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/** How a protocol's calls are read. */
export interface CallReader<Call extends EndedCall> {
  readonly protocol: string;
  /** Asked for each call: a few comparisons. A call with a failure is never a success. */
  outcomeOf(call: Call): CallOutcome;
  /** Whether its trace is sampled; null: it has none, or nobody has decided. Asked for each call by tracers. */
  isSampled(call: Call): boolean | null;
  /** Whether it became a connection of another protocol; absent: none does. */
  isTunnel?(call: Call): boolean;
  /** `headers`: names in lower case. */
  describe(call: Call, headers: readonly string[]): CallDescription;
}

/** What came was refused before it was a request, or a call that is not read any further. */
export interface RefusedCall {
  readonly remote: Remote;
  /** As far as it is known, such as `Tdispatch`; may be empty. */
  readonly method: string;
  readonly target: string;
  /** What the caller got. */
  readonly status: string;
  readonly failure: Failure;
  readonly receivedBytes: number;
}

/** Takes the calls of one server as they end. */
export interface CallReporter<Call extends EndedCall> {
  ended(call: Call): void;
  refused(call: RefusedCall): void;
}

/** Gives a server the reporter of its calls. */
export interface CallSink {
  reporter<Call extends EndedCall>(reader: CallReader<Call>): CallReporter<Call>;
}

/** For a server whose calls nobody records. */
export const noCallSink: CallSink = { reporter: () => ({ ended() {}, refused() {} }) };

/** One attempt as routing notes it in the request: a chain, the latest first. */
export interface NotedAttempt {
  readonly earlier: NotedAttempt | null;
  readonly why: AttemptReason;
  readonly address: Address;
  readonly bound: BoundName | null;
  /** `Clock.nowMs`; NaN: no response came, it has not ended. */
  readonly startedMs: number;
  readonly headMs: number;
  readonly endedMs: number;
  readonly failure: Failure | null;
  /** null: it has not ended. */
  readonly verdict: Verdict | null;
  /** As its endpoint saw it; written by the wire, if spans are exported. */
  span: TraceId | null;
  /** Of its response; null: it had none. */
  readonly status: string | null;
  /** What the next attempt is made for, written before that begins; null: nobody makes another. */
  followedBy: AttemptReason | null;
  /** Another follows: a response, which may be large, need not be kept for the sake of its status. */
  dropResponse(): void;
}

/** What the next attempt of this call is made for. */
export function noteNextAttempt({ lastAttempt }: Request, why: AttemptReason): void {
  if (lastAttempt !== null && lastAttempt !== undefined) lastAttempt.followedBy = why;
}
