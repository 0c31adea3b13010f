// The recent calls of every router, always on; this section changes how many are kept, and of which.
//
//     telemetry:
//     - kind: io.l5d.recentRequests
//       sampleRate: 0.02            # the share of all calls in the sample; 0: no sample
//       capacity: 100               # how many of the sample are kept, for each router
//       failed: 100                 # how many of those that failed
//       slowest: 50                 # how many of the slowest of the last 10 minutes
//       requestHeaders: [x-tenant]  # shown with each call of HTTP; no header is, unless named here
import * as v from "valibot";
import { plugin } from "../../core/plugin.ts";
import { decimal, integer, lenient, says } from "../../core/schema.ts";
import type { Correction } from "../../core/schema.ts";
import type { Telemeter, TelemeterDeps } from "../telemeter.ts";
import { RecentCalls } from "./recent-calls.ts";

const recentRequestsKind = "io.l5d.recentRequests";

/** A call takes up to some kilobytes, and a page that looks for one looks at all of them. */
const maxKept = 1_000;
const maxHeaders = 20;

const secretHeaders = /^(authorization|proxy-authorization|cookie|set-cookie)$/;

/** They are shown all the same: who writes such a name down wants it. */
function withSecrets(value: unknown): Correction | null {
  if (!Array.isArray(value)) return null;
  const names = value.filter(
    (name) => typeof name === "string" && secretHeaders.test(name.toLowerCase()),
  );
  if (names.length === 0) return null;
  const warning = `shows ${names.join(" and ")} to everyone who can open the admin pages: whoever reads it can act as the caller`;
  return { readAs: value, warning };
}

/** Linkerd had no limit. */
function asManyAsPossible(value: unknown): Correction | null {
  if (typeof value !== "number" || !Number.isInteger(value) || value <= maxKept) return null;
  return { readAs: maxKept, warning: `is read as ${maxKept}: no more calls are kept of a router` };
}

const headerName = v.pipe(
  v.string("expected the name of a header, such as x-tenant"),
  v.regex(/^[!#$%&'*+.^_`|~\w-]{1,128}$/, "expected the name of a header, such as x-tenant"),
  v.toLowerCase(),
);

const schema = v.strictObject({
  kind: v.literal(recentRequestsKind),
  sampleRate: says("Share of all calls in the sample, 0.0 to 1.0.", decimal(0, 1)),
  capacity: says(
    "Calls of the sample that are kept, for each router.",
    v.optional(lenient(asManyAsPossible, integer(0, maxKept)), 100),
  ),
  failed: says(
    "Calls that failed that are kept, for each router.",
    v.optional(integer(0, maxKept), 100),
  ),
  slowest: says(
    "Slowest calls of the last 10 minutes that are kept, for each router.",
    v.optional(integer(0, 1_000), 50),
  ),
  requestHeaders: says(
    "Headers of HTTP requests that are shown with each call. No others are.",
    v.optional(
      lenient(
        withSecrets,
        v.pipe(v.array(headerName), v.maxLength(maxHeaders, `at most ${maxHeaders}`)),
      ),
      [],
    ),
  ),
});

/** As if this section stood in every file that has none. */
export const recentRequestsByDefault = {
  kind: recentRequestsKind,
  sampleRate: 0.02,
  capacity: 100,
  failed: 100,
  slowest: 50,
  requestHeaders: [],
};

export const recentRequests = {
  ...plugin({
    kind: recentRequestsKind,
    schema,
    create: (config, { calls, clock }: TelemeterDeps): Telemeter => {
      const recent = new RecentCalls(config, clock);
      calls.headers = config.requestHeaders;
      const stop = calls.listen((router) => recent.listener(router));
      return { pages: [], recent, close: async () => stop() };
    },
  }),
  defaultPath: "/requests", // so that a file has one of them at the most
};
