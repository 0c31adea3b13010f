// The context of a call: read from the caller's `l5d-*` fields, and written for the endpoint.
import type { Clock, Random } from "../../../src/core/clock.ts";
import { combined, deadlineAt, deadlineMsOf, isPlausible } from "../../../src/core/deadline.ts";
import type { Deadline } from "../../../src/core/deadline.ts";
import { memoized } from "../../../src/core/memo.ts";
import { concat, emptyDtab, parseDtab, showDtab } from "../../../src/core/names/dtab.ts";
import type { Dtab } from "../../../src/core/names/dtab.ts";
import {
  defaultCallerDtabLimits,
  entriesIn,
  tooLarge,
} from "../../../src/core/names/caller-dtab-limits.ts";
import type { CallerDtabLimits } from "../../../src/core/names/caller-dtab-limits.ts";
import type { BoundName } from "../../../src/core/request.ts";
import { attemptSpan } from "../../../src/core/tracing/attempt-span.ts";
import type { Sampler } from "../../../src/core/tracing/sampler.ts";
import { sampledAt } from "../../../src/core/tracing/trace-id.ts";
import type { TraceId } from "../../../src/core/tracing/trace-id.ts";
import { deadlineLines, ownDeadlineLines, parseDeadline } from "../codec/deadline.ts";
import { linesOf } from "../codec/passthrough-fields.ts";
import type { Fields } from "../codec/passthrough-fields.ts";
import type { Hop, HttpRequest } from "../message.ts";
import type { Propagation } from "./propagation.ts";

/** A dtab header that cannot be parsed. */
interface BadDtab {
  readonly problem: string;
}

interface LocalDtab {
  readonly dtab: Dtab;
  readonly text: string;
}

interface ContextDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly propagation: Propagation;
  /** Absent: no spans are exported. */
  readonly sampler?: Sampler | undefined;
}

export interface Context {
  /** Takes the call's context out of its fields; returns a text when a dtab cannot be parsed. */
  read(request: HttpRequest, limits?: CallerDtabLimits): string | null;
  /** Removes the context of a caller that is not trusted. */
  clear(request: HttpRequest): void;
  /** The header lines for one attempt at the chosen endpoint; each attempt is a new span. */
  write(request: HttpRequest): string;
}

/** Dtabs to remember, since a caller that sends one sends the same one again. */
const maxDtabs = 1024;
const longestDtabs = 16_384;

/** Made once per router, whose recently seen dtabs it remembers. */
export function context({ clock, random, propagation, sampler }: ContextDeps): Context {
  const salt = (random() * 0x1_0000_0000) | 0;
  const dtabOf = memoized<LocalDtab | BadDtab>(maxDtabs, parseDtabs, longestDtabs);

  const decided = (request: HttpRequest, span: TraceId): TraceId =>
    sampler === undefined || !sampler.isOn ? span : (request.span = sampler.decide(span));
  const read = (request: HttpRequest, limits = defaultCallerDtabLimits): string | null => {
    const { context: fields, finagleDeadline } = request;
    if (fields === null && finagleDeadline === null) {
      request.hop = plainHop(decided(request, propagation.read(request, null)));
      return null;
    }
    const found = collect(fields ?? [], clock);
    if (finagleDeadline !== null) addFinagleDeadline(found, finagleDeadline, clock);
    const size = found.dtabs === null ? null : sizeProblem(found.dtabs, limits);
    if (size !== null) return size;
    const local = found.dtabs === null ? null : dtabOf(found.dtabs.join("\n"));
    if (local !== null && "problem" in local) return local.problem;
    if (local !== null) request.localDtab = local.dtab;
    const { deadline, passOn } = found;
    const deadlineMs = deadline === null ? Infinity : deadlineMsOf(deadline, clock);
    request.deadlineMs = Math.min(request.deadlineMs, deadlineMs);
    const span = propagation.read(request, found.trace);
    const asked = found.rate === null ? span : sampledAt(span, found.rate, salt);
    const trace = decided(request, asked);
    const dtab = local === null || local.text === "" ? null : local.text;
    request.hop = { trace, deadline, deadlineMs, dtab, passOn, maxForwards: null };
    return null;
  };
  const write = (request: HttpRequest): string => {
    const { hop } = request;
    if (hop === null)
      throw new Error("bug: a request reached a wire, and its context was not read");
    const { span } = request;
    const traced =
      span === null || span === undefined
        ? propagation.write(hop.trace)
        : propagation.lines(attemptSpan(request, span, random));
    const lines = traced + nameLines(request);
    return isPlain(request, hop) ? lines : lines + rareLines(request, hop, clock);
  };
  const clear = (request: HttpRequest): void => {
    request.context = null;
    request.finagleDeadline = null;
    propagation.clear(request);
  };
  return { read, clear, write };
}

/** Of all its dtabs together: together they are one. */
function sizeProblem(dtabs: readonly string[], limits: CallerDtabLimits): string | null {
  let bytes = 0;
  let entries = 0;
  for (const text of dtabs) {
    bytes += text.length - 1; // a letter stands in front
    if (bytes <= limits.maxBytes) entries += entriesIn(text);
  }
  return tooLarge(bytes, entries, limits);
}

function plainHop(trace: TraceId): Hop {
  const [deadline, dtab, passOn, maxForwards] = [null, null, null, null];
  return { trace, deadline, deadlineMs: Infinity, dtab, passOn, maxForwards };
}

interface Found {
  deadline: Deadline | null;
  /** The value of `l5d-ctx-trace`. */
  trace: string | null;
  /** The value of `l5d-sample`, 0..1. */
  rate: number | null;
  /** Each dtab with a letter in front: `c` for those of earlier hops, then `u` for the user's. */
  dtabs: string[] | null;
  passOn: Fields | null;
}

function collect(fields: Fields, clock: Clock): Found {
  const found: Found = { deadline: null, trace: null, rate: null, dtabs: null, passOn: null };
  let userDtabs: string[] | null = null;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? "";
    const value = fields[i + 1] ?? "";
    switch (name) {
      case "l5d-ctx-deadline":
        addDeadline(found, value, clock);
        break;
      case "l5d-ctx-dtab":
        (found.dtabs ??= []).push(`c${value}`);
        break;
      case "l5d-dtab":
        (userDtabs ??= []).push(`u${value}`);
        break;
      case "l5d-ctx-trace":
        found.trace ??= value;
        break;
      case "l5d-sample":
        found.rate ??= rateOf(value);
        break;
      case "l5d-reqid":
      case "l5d-dst-service":
      case "l5d-dst-client":
      case "l5d-dst-residual":
        break; // written by the previous hop; ours replace them
      default:
        (found.passOn ??= []).push(name, value);
    }
  }
  // The user's entries override those of earlier hops: later entries win.
  if (userDtabs !== null) found.dtabs = [...(found.dtabs ?? []), ...userDtabs];
  return found;
}

function addFinagleDeadline(found: Found, values: string, clock: Clock): void {
  for (const value of values.split(", ")) addDeadline(found, value, clock);
}

function addDeadline(found: Found, text: string, clock: Clock): void {
  const deadline = parseDeadline(text);
  if (deadline === null || !isPlausible(deadline, clock)) return;
  found.deadline = combined(found.deadline, deadline);
}

/** A rate, clamped to 0..1; null if the text is not a number. */
function rateOf(text: string): number | null {
  if (!/^-?(\d+\.?\d*|\.\d+)$/.test(text)) return null;
  return Math.min(1, Math.max(0, Number(text)));
}

/** Parses dtabs joined by line feeds, which no header value contains. */
function parseDtabs(texts: string): LocalDtab | BadDtab {
  let dtab = emptyDtab;
  for (const text of texts.split("\n")) {
    const parsed = parseDtab(text.slice(1));
    if (!parsed.ok) {
      const header = text.startsWith("c") ? "l5d-ctx-dtab" : "l5d-dtab";
      return { problem: `${header} header is not a dtab: ${parsed.error.message}` };
    }
    dtab = concat(dtab, parsed.value);
  }
  return { dtab, text: showDtab(dtab) };
}

/** The lines about names: made once, and the same for all calls until the name is rebound. */
function nameLines({ bound }: HttpRequest): string {
  if (bound === null) return "";
  return (bound.note ??= linesOf(namesOf(bound)));
}

function namesOf({ logicalName, id, residual }: BoundName): Fields {
  const names = ["l5d-dst-service", logicalName, "l5d-dst-client", id];
  return residual === "/" ? names : [...names, "l5d-dst-residual", residual];
}

/** True of nearly all calls: no deadline, no overrides, nothing to pass on. */
function isPlain(request: HttpRequest, hop: Hop): boolean {
  return request.deadlineMs === Infinity && hop.dtab === null && hop.passOn === null;
}

function rareLines(request: HttpRequest, hop: Hop, clock: Clock): string {
  let lines = "";
  if (request.deadlineMs !== Infinity) lines += deadlineLinesFor(request.deadlineMs, hop, clock);
  if (hop.dtab !== null) lines += `l5d-ctx-dtab: ${hop.dtab}\r\n`;
  return hop.passOn === null ? lines : lines + linesOf(hop.passOn);
}

/** The caller's own deadline, to the nanosecond, unless a limit of this proxy is earlier. */
function deadlineLinesFor(deadlineMs: number, hop: Hop, clock: Clock): string {
  const { deadline } = hop;
  if (deadline === null) return ownDeadlineLines(deadlineMs, clock);
  const strictest =
    deadlineMs >= hop.deadlineMs ? deadline : combined(deadline, deadlineAt(deadlineMs, clock));
  return deadlineLines(strictest);
}
