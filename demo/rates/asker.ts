// How the converter asks for a rate over another protocol than HTTP.
import { problem, tookMs, type Asked } from "../http.ts";
import type { Called, Leg, Seen, Self } from "../service.ts";
import type { Protocol } from "../via.ts";

export interface RateAnswer {
  readonly rate: number;
  /** Decimal places that amounts of the target have. */
  readonly digits: number;
  readonly date: string;
  /** The rate provider that answered. */
  readonly instance: string;
  /** From the call to its answer, inside the provider. */
  readonly tookMs: number;
}

/** What came of a question: the rate, a currency that the provider does not know, or nothing. */
export type Asking =
  | { readonly kind: "rate"; readonly answer: RateAnswer; readonly seen?: Partial<Seen> }
  | { readonly kind: "unknown"; readonly text: string }
  | { readonly kind: "failed"; readonly text: string };

export interface RateAsker {
  readonly protocol: Protocol;
  /** For people: by what the sidecar is told whom we want. */
  readonly called: string;
  /** Never rejects. */
  ask(from: string, to: string, onBehalfOf: Asked): Promise<Asking>;
}

/** The rate as the call over HTTP would give it, with what is known of the way. */
export async function askRate(
  self: Self,
  asker: RateAsker,
  from: string,
  to: string,
  onBehalfOf: Asked,
): Promise<Called> {
  const startedMs = performance.now();
  const asking = await asker.ask(from, to, onBehalfOf);
  if (asking.kind === "unknown") return { ok: false, reply: problem(404, asking.text) };
  if (asking.kind === "failed") {
    const error = `${self.service} could not reach rates over ${asker.protocol}`;
    return { ok: false, reply: problem(502, error, { sidecarSaid: asking.text }) };
  }
  const { instance, tookMs: insideMs, rate, digits, date } = asking.answer;
  const seen: Seen = {
    ...nothingSeen,
    service: "rates",
    instance,
    tookMs: insideMs,
    ...asking.seen,
  };
  const { protocol, called } = asker;
  const tookAllMs = tookMs(startedMs);
  const leg: Leg = {
    caller: self.service,
    callee: "rates",
    protocol,
    called,
    tookMs: tookAllMs,
    seen,
  };
  return { ok: true, fields: { from, to, rate, digits, date }, legs: [leg] };
}

const nothingSeen = {
  host: null,
  logicalName: null,
  clientName: null,
  residual: null,
  via: null,
  requestId: null,
};
