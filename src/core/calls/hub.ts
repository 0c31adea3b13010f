// The one hook for calls that have ended: whoever wants some of them is asked cheaply, for each.
import { showAddress } from "../address.ts";
import type { Clock, Close } from "../clock.ts";
import type { Failure } from "../failure.ts";
import type { Request } from "../request.ts";
import { decisionOf } from "../tracing/trace-id.ts";
import type {
  CallDescription,
  CallReader,
  CallReporter,
  CallSink,
  EndedCall,
  RefusedCall,
} from "./ended-call.ts";
import { descriptionOf, recordOf, refusedRecordOf } from "./make-record.ts";
import type { RecordContext } from "./make-record.ts";
import type { CallOutcome, CallRecord } from "./record.ts";

/** A call that has just ended, as listeners are shown it: one object for all calls, not to be kept. */
export interface CallView {
  /** null: refused before it was a request. */
  readonly request: Request | null;
  readonly failure: Failure | null;
  readonly outcome: CallOutcome;
  readonly durationMs: number;
  /** `Clock.nowMs` at its end. */
  readonly endedMs: number;
  /** It became a connection of another protocol, which may stay open for days. */
  readonly isTunnel: boolean;
  /** Whether its trace is sampled; null: it has none, or nobody has decided. */
  isSampled(): boolean | null;
  /** What only the protocol can say. Costs a microsecond or two: last of all. */
  describe(): CallDescription;
}

/** What one listener does with the calls of one router. */
export interface CallListener {
  /** Asked once for each call: a few comparisons, no allocation. Only then, and if true, `take` follows. */
  wants(call: CallView): boolean;
  /** The same record goes to all who wanted the call. */
  take(record: CallRecord): void;
}

/** Makes the listener for one router; null: its calls are of no interest. */
export type MakeCallListener = (router: string) => CallListener | null;

/** Of one process. Costs a call a few comparisons for each listener, and nothing without any. */
export class CallHub {
  readonly #clock: Clock;
  readonly #routers = new Map<string, RouterCalls>();
  #makers: readonly MakeCallListener[] = [];
  /** Names of the request's headers that records show, in lower case. */
  headers: readonly string[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** For routers that exist and those to come. Closing the result stops it. */
  listen(make: MakeCallListener): Close {
    this.#makers = [...this.#makers, make];
    this.#renew(make);
    return () => {
      if (!this.#makers.includes(make)) return;
      this.#makers = this.#makers.filter((each) => each !== make);
      for (const router of this.#routers.values()) router.remove(make);
    };
  }

  /** The calls of one router; the same again for the same label. */
  router(label: string): RouterCalls {
    let router = this.#routers.get(label);
    if (router === undefined) {
      router = new RouterCalls(label, this, this.#clock);
      this.#routers.set(label, router);
      for (const make of this.#makers) router.add(make);
    }
    return router;
  }

  #renew(make: MakeCallListener): void {
    for (const router of this.#routers.values()) router.add(make);
  }
}

/** The listeners of one router. */
export class RouterCalls {
  readonly label: string;
  readonly clock: Clock;
  /** Replaced as a whole: a listener may leave while it is called. */
  listeners: readonly CallListener[] = [];
  readonly #hub: CallHub;
  readonly #byMaker = new Map<MakeCallListener, CallListener>();
  #count = 0;

  constructor(label: string, hub: CallHub, clock: Clock) {
    this.label = label;
    this.#hub = hub;
    this.clock = clock;
  }

  get headers(): readonly string[] {
    return this.#hub.headers;
  }

  /** `addressOf` gives the address of the server, which is asked only when a record is made. */
  server(addressOf: () => { readonly host: string; readonly port: number }): CallSink {
    return {
      reporter: (reader) => new Reporter(this, reader, () => showAddress(addressOf())),
    };
  }

  nextId(): string {
    this.#count++;
    return `${this.label}-${this.#count}`;
  }

  add(make: MakeCallListener): void {
    const listener = make(this.label);
    if (listener === null) return;
    this.#byMaker.set(make, listener);
    this.listeners = [...this.#byMaker.values()];
  }

  remove(make: MakeCallListener): void {
    if (this.#byMaker.delete(make)) this.listeners = [...this.#byMaker.values()];
  }
}

class Reporter<Call extends EndedCall> implements CallReporter<Call> {
  readonly #router: RouterCalls;
  readonly #reader: CallReader<Call>;
  readonly #server: () => string;
  readonly #view: EndedView<Call>;

  constructor(router: RouterCalls, reader: CallReader<Call>, server: () => string) {
    this.#router = router;
    this.#reader = reader;
    this.#server = server;
    this.#view = new EndedView(router, reader);
  }

  ended(call: Call): void {
    const { listeners } = this.#router;
    if (listeners.length === 0) return;
    const view = this.#view;
    view.show(call, this.#reader.outcomeOf(call));
    let record: CallRecord | null = null;
    for (const listener of listeners) {
      if (listener.wants(view)) listener.take((record ??= this.#record(call, view)));
    }
    view.forget();
  }

  refused(call: RefusedCall): void {
    const { listeners, clock } = this.#router;
    if (listeners.length === 0) return;
    const view = new RefusedView(call, clock.nowMs());
    let record: CallRecord | null = null;
    for (const listener of listeners) {
      if (!listener.wants(view)) continue;
      listener.take((record ??= refusedRecordOf(call, this.#context(clock.wallMs()))));
    }
  }

  #record(call: Call, view: CallView): CallRecord {
    const { clock } = this.#router;
    const agoMs = clock.nowMs() - call.startedMs;
    const context = this.#context(clock.wallMs() - agoMs);
    return recordOf(call, view.outcome, view.describe(), context);
  }

  #context(wallMs: number): RecordContext {
    const { protocol } = this.#reader;
    const id = this.#router.nextId();
    return { id, router: this.#router.label, server: this.#server(), protocol, wallMs };
  }
}

class EndedView<Call extends EndedCall> implements CallView {
  outcome: CallOutcome = "success";
  durationMs = 0;
  readonly #router: RouterCalls;
  readonly #reader: CallReader<Call>;
  #call: Call | null = null;
  #described: CallDescription | null = null;

  constructor(router: RouterCalls, reader: CallReader<Call>) {
    this.#router = router;
    this.#reader = reader;
  }

  show(call: Call, outcome: CallOutcome): void {
    this.#call = call;
    this.outcome = outcome;
    this.durationMs = call.endedMs - call.startedMs;
  }

  /** So that nothing keeps the call alive. */
  forget(): void {
    this.#call = null;
    this.#described = null;
  }

  describe(): CallDescription {
    const call = this.#call;
    if (call === null) throw new Error("bug: a call was kept");
    return (this.#described ??= this.#reader.describe(call, this.#router.headers));
  }

  get request(): Request | null {
    return this.#call?.request ?? null;
  }

  get failure(): Failure | null {
    return this.#call?.failure ?? null;
  }

  get isTunnel(): boolean {
    return this.#call !== null && this.#reader.isTunnel?.(this.#call) === true;
  }

  get endedMs(): number {
    return this.#call?.endedMs ?? 0;
  }

  isSampled(): boolean | null {
    if (this.#call === null) return null;
    const span = this.#call.request?.span ?? null;
    return span === null ? this.#reader.isSampled(this.#call) : decisionOf(span);
  }
}

class RefusedView implements CallView {
  readonly request = null;
  readonly outcome = "failure";
  readonly durationMs = 0;
  readonly isTunnel = false;
  readonly endedMs: number;
  readonly #call: RefusedCall;

  constructor(call: RefusedCall, endedMs: number) {
    this.#call = call;
    this.endedMs = endedMs;
  }

  get failure(): Failure {
    return this.#call.failure;
  }

  describe(): CallDescription {
    return descriptionOf(this.#call);
  }

  isSampled(): null {
    return null;
  }
}
