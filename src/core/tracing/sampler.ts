// Which traces are recorded, where no caller has decided: once for a trace, at the first server that exports spans.
import type { CallView } from "../calls/hub.ts";
import type { Random } from "../clock.ts";
import { childOf, decisionOf, flagsOf, isSampledAt, newTrace } from "./trace-id.ts";
import type { TraceId } from "./trace-id.ts";

/** One exporter's part of the traces. */
export interface SampledShare {
  /** As the configuration names it. */
  readonly name: string;
  /** 0..1, of the traces that nobody has decided; 0: decides nothing. May be changed at any time. */
  rate: number;
  /** Traces that callers decided to record are recorded by all exporters. */
  wants(call: Pick<CallView, "request">): boolean;
  /** The exporter has gone. */
  close(): void;
}

/** Of one process; costs nothing while nobody exports spans. */
export class Sampler {
  readonly #random: Random;
  readonly #salt: number;
  #shares: readonly Share[] = [];
  /** false: no call is recorded, and traces pass as they came. */
  isEnabled = true;

  constructor(random: Random) {
    this.#random = random;
    this.#salt = (random() * 0x1_0000_0000) | 0;
  }

  get shares(): readonly SampledShare[] {
    return this.#shares;
  }

  /** Whether calls get a server's span. */
  get isOn(): boolean {
    return this.isEnabled && this.#shares.length > 0;
  }

  add(name: string, rate: number): SampledShare {
    const share = new Share(this, name, rate, this.#salt);
    this.#shares = [...this.#shares, share];
    return share;
  }

  remove(share: SampledShare): void {
    this.#shares = this.#shares.filter((each) => each !== share);
  }

  /** The server's span of a call: below its caller's, or a root. null: no spans are exported. */
  serverSpan(caller: TraceId | null): TraceId | null {
    if (!this.isOn) return null;
    return this.decide(caller === null ? newTrace(this.#random) : childOf(caller, this.#random));
  }

  /** Decides for a trace that nobody has decided, at the highest rate of all exporters. */
  decide(trace: TraceId): TraceId {
    let rate = 0;
    for (const share of this.#shares) rate = Math.max(rate, share.rate);
    if (rate === 0 || decisionOf(trace) !== null) return trace;
    const flags = trace.flags | flagsOf(isSampledAt(trace, rate, this.#salt));
    return { ...trace, flags, isDecidedHere: true };
  }
}

class Share implements SampledShare {
  readonly name: string;
  rate: number;
  readonly #sampler: Sampler;
  readonly #salt: number;

  constructor(sampler: Sampler, name: string, rate: number, salt: number) {
    this.#sampler = sampler;
    this.name = name;
    this.rate = rate;
    this.#salt = salt;
  }

  wants({ request }: Pick<CallView, "request">): boolean {
    const span = request?.span ?? null;
    if (span === null || decisionOf(span) !== true) return false;
    return !span.isDecidedHere || isSampledAt(span, this.rate, this.#salt);
  }

  close(): void {
    this.#sampler.remove(this);
  }
}
