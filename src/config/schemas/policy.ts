// Keys of `service` and `client`: policy above and below load balancing.
import * as v from "valibot";
import { backoffSchema } from "../../core/pacing/backoff.ts";
import { budgetSchema } from "../../core/pacing/budget-schema.ts";
import { integer, milliseconds, says, truth } from "../../core/schema.ts";
import { clientTls } from "../../core/tls/schema.ts";
import { faults, hedge, nackAdmission, rateLimit } from "./overload.ts";
import { session, socketOptions } from "./socket.ts";
import { experimental, oneOf } from "../kinds.ts";
import type { Kinds, ProtocolKind } from "../kinds.ts";

export const serviceEntries = (protocol: ProtocolKind) => ({
  totalTimeoutMs: says(
    "Time limit for a call including all attempts. Default, and 0 or less: no limit.",
    v.optional(anyInteger()),
  ),
  responseClassifier: says(
    "Which responses count as failures.",
    v.optional(oneOf(protocol.classifiers), { kind: protocol.defaultClassifier }),
  ),
  retries: says(
    "Retries of calls whose response the classifier calls retryable.",
    v.optional(retries(), {}),
  ),
  rateLimit: says("Limits the calls of a name.", v.optional(rateLimit())),
});

export const clientEntries = (kinds: Kinds) => ({
  loadBalancer: says(
    "How an endpoint is chosen.",
    v.optional(oneOf(kinds.balancers), { kind: "p2c" }),
  ),
  failureAccrual: says(
    "When a failing endpoint is ejected for a while.",
    v.optional(oneOf(kinds.accruals), { kind: "io.l5d.consecutiveFailures" }),
  ),
  failFast: says(
    "Ejects an endpoint as soon as a connection to it fails, and fails calls immediately when no endpoint has been ready for 3 s.",
    v.optional(truth(), false),
  ),
  rateLimit: says("Limits the calls to a client.", v.optional(rateLimit())),
  concurrency: says(
    "Limits the calls of a client that are in progress. Default: no limit.",
    v.optional(oneOf(kinds.limiters)),
  ),
  nackAdmission: says(
    "Holds back a share of the calls while endpoints refuse most of them.",
    v.optional(nackAdmission()),
  ),
  hedge: says("Sends slow idempotent calls a second time.", v.optional(hedge())),
  faults: says("Makes endpoints seem slow or broken when it is switched on.", v.optional(faults())),
  requestAttemptTimeoutMs: says(
    "Time limit for each attempt of a call. Default, and 0 or less: no limit.",
    v.optional(anyInteger()),
  ),
  requeueBudget: says(
    "Limits how often calls that no endpoint has processed are sent again immediately.",
    v.optional(budgetSchema(), {}),
  ),
  connectTimeoutMs: says("Time limit for connecting to an endpoint.", v.optional(integer(1), 1000)),
  tls: says("TLS to the endpoints. Default: plain text.", v.optional(clientTls())),
  hostConnectionPool: says("Connections to each endpoint.", v.optional(pool(), {})),
  clientSession: says("Limits of a connection.", v.optional(session(), {})),
  socketOptions: says("Options of its sockets.", v.optional(socketOptions(), {})),
  experimental: experimental(),
});

const retries = () =>
  v.strictObject({
    budget: says(
      "Limits retries to a share of all calls of a name.",
      v.optional(budgetSchema(), {}),
    ),
    backoff: says(
      "The wait before each retry. Default: none.",
      v.optional(backoffSchema(), { kind: "constant", ms: 0 }),
    ),
    maxAttempts: says(
      "The maximum number of attempts of a single call, including the first.",
      v.optional(integer(1, 100), 3),
    ),
  });

const pool = () =>
  v.pipe(
    v.strictObject({
      minSize: says("Connections that are kept open even when unused.", v.optional(integer(0), 0)),
      maxSize: says(
        "The maximum number of connections. Default: no limit.",
        v.optional(integer(1)),
      ),
      idleTimeMs: says(
        "Connections above minSize that are unused for this long are closed.",
        v.optional(milliseconds(), 60_000),
      ),
      maxWaiters: says(
        "Calls that may wait for a connection; further ones fail immediately.",
        v.optional(integer(0), 1000),
      ),
    }),
    v.check(
      ({ minSize, maxSize }) => maxSize === undefined || minSize <= maxSize,
      "expected minSize <= maxSize",
    ),
  );

const anyInteger = () => {
  const expected = "expected a whole number of milliseconds";
  return v.pipe(v.number(expected), v.integer(expected));
};
