// Keys of `service` and `client`: policy above and below load balancing.
import * as v from "valibot";
import { backoffSchema, budgetSchema } from "../../core/retry-schema.ts";
import { integer, milliseconds, says } from "../../core/schema.ts";
import { faults, hedge, nackAdmission, rateLimit } from "./overload.ts";
import { session, socketOptions } from "./socket.ts";
import { experimental, oneOf } from "../kinds.ts";
import type { Kinds, ProtocolKind } from "../kinds.ts";

export const serviceEntries = (protocol: ProtocolKind) => ({
  totalTimeoutMs: says(
    "Limit for a call with all its tries. None unless given; 0 or less: none.",
    v.optional(anyInteger()),
  ),
  responseClassifier: says(
    "Which answers count as failures.",
    v.optional(oneOf(protocol.classifiers), { kind: protocol.defaultClassifier }),
  ),
  retries: says(
    "Further tries for answers that the classifier calls retryable.",
    v.optional(retries(), {}),
  ),
  rateLimit: says("Calls of a name that are taken.", v.optional(rateLimit())),
});

export const clientEntries = (kinds: Kinds) => ({
  loadBalancer: says(
    "How an endpoint is chosen.",
    v.optional(oneOf(kinds.balancers), { kind: "p2c" }),
  ),
  failureAccrual: says(
    "When an endpoint that fails is left alone for a while.",
    v.optional(oneOf(kinds.accruals), { kind: "io.l5d.consecutiveFailures" }),
  ),
  failFast: says(
    "An endpoint that cannot be connected to is dead at once; and when none has been ready for 3 s, calls fail at once.",
    v.optional(v.boolean("expected true or false"), false),
  ),
  rateLimit: says("Calls that are sent to a client.", v.optional(rateLimit())),
  concurrency: says(
    "How many calls of a client may be in progress. No limit unless given.",
    v.optional(oneOf(kinds.limiters)),
  ),
  nackAdmission: says(
    "Holds back a part of the calls while most are refused as too many.",
    v.optional(nackAdmission()),
  ),
  hedge: says(
    "Sends calls that are slow a second time, if they are idempotent.",
    v.optional(hedge()),
  ),
  faults: says("Makes endpoints seem slow or broken, when switched on.", v.optional(faults())),
  requestAttemptTimeoutMs: says(
    "Limit for each try of a call. None unless given; 0 or less: none.",
    v.optional(anyInteger()),
  ),
  requeueBudget: says(
    "Limits how often calls that no endpoint has acted on are sent again at once.",
    v.optional(budgetSchema(), {}),
  ),
  connectTimeoutMs: says(
    "Limit for making a connection to an endpoint.",
    v.optional(integer(1), 1000),
  ),
  hostConnectionPool: says("Connections to each endpoint.", v.optional(pool(), {})),
  clientSession: says("Limits of a connection.", v.optional(session(), {})),
  socketOptions: says("Options of its sockets.", v.optional(socketOptions(), {})),
  experimental: experimental(),
});

const retries = () =>
  v.strictObject({
    budget: says(
      "Limits further tries to a share of the calls, for all calls of a name.",
      v.optional(budgetSchema(), {}),
    ),
    backoff: says(
      "Waits before each further try; none unless given.",
      v.optional(backoffSchema(), { kind: "constant", ms: 0 }),
    ),
    maxAttempts: says(
      "Tries of a single call, the first one included.",
      v.optional(integer(1, 100), 3),
    ),
  });

const pool = () =>
  v.pipe(
    v.strictObject({
      minSize: says("Kept open even when unused.", v.optional(integer(0), 0)),
      maxSize: says("Connections at most. Unlimited unless given.", v.optional(integer(1))),
      idleTimeMs: says(
        "One above minSize that was not used for so long is closed.",
        v.optional(milliseconds(), 60_000),
      ),
      maxWaiters: says(
        "Calls that may wait for a connection; one more fails at once.",
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
