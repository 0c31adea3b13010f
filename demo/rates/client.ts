// How the converter requests a rate over a protocol other than HTTP.
import { problem, tookMs, type HttpRequest } from "../http.ts";
import type { Called, Leg, Seen, Self } from "../service.ts";
import type { Protocol } from "../via.ts";

export interface RateResponse {
  readonly rate: number;
  /** Decimal places of amounts in the target currency. */
  readonly digits: number;
  readonly date: string;
  /** The rate provider that responded. */
  readonly instance: string;
  /** From the call to its response, inside the provider. */
  readonly tookMs: number;
}

/** The outcome of a request: the rate, a currency that the provider does not know, or a failure. */
export type RateOutcome =
  | { readonly kind: "rate"; readonly response: RateResponse; readonly seen?: Partial<Seen> }
  | { readonly kind: "unknown"; readonly text: string }
  | { readonly kind: "failed"; readonly text: string };

export interface RateClient {
  readonly protocol: Protocol;
  /** For people: how the call names the callee to the sidecar. */
  readonly called: string;
  /** Never rejects. */
  request(from: string, to: string, onBehalfOf: HttpRequest): Promise<RateOutcome>;
}

/** The rate in the form of the HTTP response, with what is known about the legs. */
export async function requestRate(
  self: Self,
  client: RateClient,
  from: string,
  to: string,
  onBehalfOf: HttpRequest,
): Promise<Called> {
  const startedMs = performance.now();
  const outcome = await client.request(from, to, onBehalfOf);
  if (outcome.kind === "unknown") return { ok: false, reply: problem(404, outcome.text) };
  if (outcome.kind === "failed") {
    const error = `${self.service} could not reach rates over ${client.protocol}`;
    return { ok: false, reply: problem(502, error, { sidecarSaid: outcome.text }) };
  }
  const { instance, tookMs: insideMs, rate, digits, date } = outcome.response;
  const seen: Seen = {
    ...nothingSeen,
    service: "rates",
    instance,
    tookMs: insideMs,
    ...outcome.seen,
  };
  const { protocol, called } = client;
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
