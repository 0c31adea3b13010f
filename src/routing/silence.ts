// Notices endpoints that accept calls and respond to none of them, measured against their peers.
import type { Clock, Close } from "../core/clock.ts";
import { showDuration } from "../core/duration.ts";
import { failure } from "../core/failure.ts";
import type { Counter } from "../core/stats.ts";

/** How often waiting calls are looked at. */
const intervalMs = 50;
/** A silence is suspicious when it lasts this many times as long as the slowest call of late, and this long. */
const timesSlowest = 3;
const minSuspicionMs = 50;
/** No endpoint is ejected for a shorter silence. */
const minSilenceMs = 1_000;
/** A probe means something sooner: the endpoint is under suspicion. */
const minProbeMs = 250;
const probeTimesSlowest = 3;
/** Peers must have responded so often meanwhile: if all are silent, the service is slow, not one endpoint. */
const minPeerResponses = 20;
/** So many calls are sent to a suspect as probes: one of them may just take long. */
const maxProbes = 2;
/** A suspect waits this long for calls that may be sent elsewhere; then any call is its probe. */
const anyProbeAfterMs = 1_000;
/** When no probe may be sent elsewhere, this many waiting calls decide, after this many times the silence. */
const enoughWaiting = 3;
const timesSilence = 3;
/** The slowest call is forgotten by this factor at each look: to half in ten seconds. */
const slowestDecay = 0.9965;

/** An attempt that waits for its response, oldest first. */
interface WaitingAttempt {
  readonly startedMs: number;
  /** Whether it may be sent to another endpoint. */
  readonly isMovable: boolean;
  readonly next: WaitingAttempt | null;
  cancel(why: ReturnType<typeof failure>): void;
}

/** What the watch sees of an endpoint. */
export interface ListenedTo {
  readonly name: string;
  /** Responses so far. */
  readonly responses: number;
  readonly waiting: { readonly count: number; readonly first: WaitingAttempt | null };
  readonly accrual: {
    readonly isAlive: boolean;
    readonly isProbing: boolean;
    eject(nowMs: number, silentMs: number): void;
  } | null;
  /** The watch's own notes. */
  readonly silence: SilenceNotes;
}

/** Written by the watch alone, but for `isSuspect` becoming false with a response. */
export class SilenceNotes {
  /** No other calls go to it while it is. */
  isSuspect = false;
  responses = 0;
  /** Responses of the whole cluster when this endpoint last responded. */
  clusterResponses = 0;
  heardMs = -Infinity;
  /** Ejected for its silence, and not heard since. */
  isEjected = false;
  /** Calls sent to a suspect to see whether it responds, and when the last one was. */
  probes = 0;
  probedMs = -Infinity;
  suspectMs = -Infinity;
}

export interface SilenceDeps {
  readonly clock: Clock;
  /** Endpoints ejected for their silence. */
  readonly silent: Counter;
  /** Calls moved to another endpoint. */
  readonly moved: Counter;
  endpoints(): Iterable<ListenedTo>;
  /** How many calls may be sent again now: the others are left where they are. */
  mayMove(nowMs: number): number;
}

/**
 * One for a cluster. A call that takes long is no sign of illness, and nothing is cut off for it. An
 * endpoint is suspect when all its calls have waited three times as long as the slowest call of late, at
 * least 50 ms, while its peers responded. Then it gets no further calls but two, by preference calls that
 * may be sent elsewhere, and those decide: a response, and all was well; none within a second (three,
 * without such calls), and it is ejected, and the calls that may be sent elsewhere are. Costs a call a
 * few counters; owns a timer while calls wait.
 */
export class SilenceWatch {
  /** Responses of all endpoints. */
  responses = 0;
  /** A suspect that waits for its probe. */
  suspect: ListenedTo | null = null;
  readonly #deps: SilenceDeps;
  #slowestMs = 0;
  #stop: Close | null = null;
  #isClosed = false;

  constructor(deps: SilenceDeps) {
    this.#deps = deps;
  }

  /** An attempt waits for its response. */
  began(): void {
    if (this.#stop === null && !this.#isClosed) this.#lookLater();
  }

  /** A good call has ended after `elapsedMs`. */
  took(elapsedMs: number): void {
    if (elapsedMs > this.#slowestMs) this.#slowestMs = elapsedMs;
  }

  /** The suspect that this call has to probe; null: it goes where the balancer sends it. */
  toProbe(isMovable: boolean, nowMs: number): ListenedTo | null {
    const { suspect } = this;
    if (suspect === null) return null;
    const { silence } = suspect;
    if (!isMovable && nowMs - silence.suspectMs < anyProbeAfterMs) return null;
    if (isMovable) silence.probedMs = nowMs;
    if (++silence.probes >= maxProbes) this.suspect = null;
    return suspect;
  }

  close(): void {
    this.#isClosed = true;
    this.#stop?.();
    this.#stop = null;
  }

  #lookLater(): void {
    this.#stop = this.#deps.clock.after(intervalMs, () => this.#look());
  }

  #look(): void {
    const nowMs = this.#deps.clock.nowMs();
    this.#slowestMs *= slowestDecay;
    this.#stop = null;
    this.suspect = null;
    let isWaiting = false;
    for (const endpoint of this.#deps.endpoints()) {
      isWaiting ||= endpoint.waiting.count > 0 || endpoint.silence.isSuspect;
      this.#lookAt(endpoint, nowMs);
    }
    if (isWaiting) this.began();
  }

  #lookAt(endpoint: ListenedTo, nowMs: number): void {
    const { silence, waiting, accrual } = endpoint;
    if (accrual === null) return;
    const { first } = waiting;
    if (endpoint.responses !== silence.responses || (first === null && !silence.isSuspect)) {
      this.#hear(endpoint, nowMs);
      return;
    }
    const peers = this.responses - silence.clusterResponses;
    if (peers < minPeerResponses) return;
    if (first === null) return this.#eject(endpoint, nowMs); // its callers gave up on it
    const silentMs = nowMs - Math.max(silence.heardMs, first.startedMs);
    const suspiciousMs = Math.max(minSuspicionMs, timesSlowest * this.#slowestMs);
    const limitMs = Math.max(minSilenceMs, suspiciousMs);
    if (!accrual.isAlive) {
      if (silence.isEjected && silentMs >= this.#probeLimitMs) this.#moveCalls(endpoint, nowMs);
      else if (accrual.isProbing && silentMs >= limitMs) this.#moveCalls(endpoint, nowMs);
      return;
    }
    if (silentMs < suspiciousMs) return;
    const haveProbesFailed =
      silence.probedMs !== -Infinity &&
      silence.probes >= maxProbes &&
      nowMs - silence.probedMs >= this.#probeLimitMs;
    const hasEnoughWaiting = waiting.count >= enoughWaiting && silentMs >= timesSilence * limitMs;
    if (silentMs >= limitMs && (haveProbesFailed || hasEnoughWaiting)) {
      return this.#eject(endpoint, nowMs);
    }
    if (!silence.isSuspect) silence.suspectMs = nowMs;
    silence.isSuspect = true;
    if (silence.probes < maxProbes) this.suspect = endpoint;
  }

  get #probeLimitMs(): number {
    return Math.max(minProbeMs, probeTimesSlowest * this.#slowestMs);
  }

  #hear({ silence, responses }: ListenedTo, nowMs: number): void {
    silence.responses = responses;
    silence.clusterResponses = this.responses;
    silence.heardMs = nowMs;
    silence.isSuspect = false;
    silence.isEjected = false;
    silence.probes = 0;
    silence.probedMs = -Infinity;
  }

  #eject(endpoint: ListenedTo, nowMs: number): void {
    const { heardMs, suspectMs } = endpoint.silence;
    const sinceMs = Math.max(heardMs, endpoint.waiting.first?.startedMs ?? suspectMs);
    const silentMs = nowMs - sinceMs;
    this.#deps.silent.value++;
    endpoint.silence.isSuspect = false;
    endpoint.silence.isEjected = true;
    endpoint.silence.probes = 0;
    endpoint.silence.probedMs = -Infinity;
    endpoint.accrual?.eject(nowMs, silentMs);
    this.#moveCalls(endpoint, nowMs);
  }

  /** Calls that may be acted on twice end here, and are sent to another endpoint by the filters above. */
  #moveCalls({ name, waiting }: ListenedTo, nowMs: number): void {
    const { moved } = this.#deps;
    let left = this.#deps.mayMove(nowMs);
    for (let each = waiting.first; each !== null && left > 0;) {
      const { next } = each;
      if (each.isMovable) {
        left--;
        moved.value++;
        each.cancel(silentFailure(name, nowMs - each.startedMs));
      }
      each = next;
    }
  }
}

function silentFailure(name: string, waitedMs: number) {
  const waited = showDuration(Math.round(waitedMs));
  return failure(
    "closed",
    `${name} did not respond to this call for ${waited}, nor to any other, while other endpoints responded`,
    "if-idempotent",
  );
}
