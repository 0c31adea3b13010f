// What the admin server shows of a fleet, each made once for all who ask within half a second.
import type { Clock, Close } from "../../core/clock.ts";
import type { Fleet } from "../fleet.ts";
import { callsOf } from "./calls.ts";
import { grouped } from "./groups.ts";
import { overviewOf } from "./overview.ts";
import { problemsOf } from "./problems.ts";
import { serviceOf, servicesOf } from "./service-views.ts";
import { topologyOf } from "./topology.ts";
import { traceOf } from "./trace.ts";

const freshMs = 500;
/** Each asks all instances. */
const maxQuestions = 4;

const busy = "so many questions are being asked of all instances already; try again in a moment";

export function fleetViews(fleet: Fleet, clock: Clock) {
  let questions = 0;
  const ask = async <T>(run: () => Promise<T>): Promise<T | string> => {
    if (questions >= maxQuestions) return busy;
    questions += 1;
    try {
      return await run();
    } finally {
      questions -= 1;
    }
  };
  const topology = remembered(clock, () => topologyOf(fleet));
  return {
    overview: remembered(clock, () => overviewOf(fleet, topology)),
    topology: remembered(clock, () => grouped(topology())),
    services: remembered(clock, () => ({ at: isoNow(clock), services: servicesOf(fleet) })),
    service: (router: string, name: string) => serviceOf(fleet, router, name),
    problems: remembered(clock, () => ({
      at: isoNow(clock),
      problems: problemsOf(fleet, topology),
      looked: [`${fleet.followers().length} instances`],
    })),
    calls: (query: string) => ask(() => callsOf(fleet, query)),
    trace: (id: string) => ask(() => traceOf(fleet, id)),
    watch: (changed: () => void, closed: () => void): Close => fleet.watch(changed, closed),
  };
}

function isoNow(clock: Clock): string {
  return new Date(clock.wallMs()).toISOString();
}

/** What takes long is made less often: at most a twentieth of the time goes into it. */
const restFactor = 20;

function remembered<T>(clock: Clock, make: () => T): () => T {
  let last: { readonly value: T; readonly untilMs: number } | null = null;
  return () => {
    const nowMs = clock.nowMs();
    if (last !== null && nowMs < last.untilMs) return last.value;
    const value = make();
    const tookMs = clock.nowMs() - nowMs;
    last = { value, untilMs: nowMs + Math.max(freshMs, tookMs * restFactor) };
    return value;
  };
}
