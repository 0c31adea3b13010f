// Traces and metrics for OpenTelemetry collectors: OTLP over HTTP, as JSON.
//
//     telemetry:
//     - kind: otlp
//       url: http://localhost:4318
//       sampleRate: 0.01
import * as v from "valibot";
import { plugin } from "../../core/plugin.ts";
import { decimal, integer, says, truth } from "../../core/schema.ts";
import { clientTlsEntries } from "../../core/tls/schema.ts";
import type { Telemeter, TelemeterDeps } from "../telemeter.ts";

const headerValue = () =>
  v.pipe(v.string("expected text"), v.regex(/^[\t\x20-\x7e]*$/, "expected printable characters"));

const headers = () =>
  v.record(
    v.pipe(v.string(), v.regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, "expected the name of a header")),
    headerValue(),
  );

const schema = v.pipe(
  v.strictObject({
    kind: v.literal("otlp"),
    url: says(
      "The collector; /v1/traces and /v1/metrics are appended.",
      v.optional(
        v.pipe(
          v.string("expected a URL such as http://localhost:4318"),
          v.regex(
            /^https?:\/\/[^\s/?#@]+(\/[^\s?#]*)?$/,
            "expected a URL such as http://localhost:4318",
          ),
          v.check((url) => URL.canParse(url), "expected a URL such as http://localhost:4318"),
          v.transform((url) => url.replace(/\/$/, "")),
        ),
        "http://localhost:4318",
      ),
    ),
    headers: says("Sent with each request, such as a token.", v.optional(headers(), {})),
    tls: says(
      "For https: whom to trust, and what certificate to present.",
      v.optional(v.strictObject(clientTlsEntries())),
    ),
    serviceName: says(
      "The attribute service.name. Default: the router's label for spans, switchyard for metrics.",
      v.optional(v.pipe(v.string("expected text"), v.nonEmpty("expected text that is not empty"))),
    ),
    resource: says(
      "Further attributes of the resource, such as deployment.environment.name.",
      v.optional(v.record(v.string(), v.string("expected text")), {}),
    ),
    traces: says("Whether spans are sent.", v.optional(truth(), true)),
    metrics: says("Whether metrics are sent.", v.optional(truth(), true)),
    sampleRate: says(
      "The share of the traces to record that no caller has decided.",
      v.optional(decimal(0, 1), 0.001),
    ),
    intervalMs: says("How often metrics are sent.", v.optional(integer(100), 10_000)),
    compression: says(
      "Of bodies.",
      v.optional(v.picklist(["gzip", "none"], "expected gzip or none"), "gzip"),
    ),
  }),
  v.check(
    ({ url, tls }) => tls === undefined || url.startsWith("https:"),
    "tls has no effect on a URL that begins with http:, write https:",
  ),
);

export type OtlpConfig = v.InferOutput<typeof schema>;

export const otlp = plugin({
  kind: "otlp",
  schema,
  create: async (config, deps: TelemeterDeps): Promise<Telemeter> => {
    const { openOtlp } = await import("./open.ts");
    return openOtlp(config, deps);
  },
});
