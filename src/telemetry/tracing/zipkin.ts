// Spans for Zipkin, as JSON over HTTP: Linkerd's telemeter, and the one of its plugin linkerd-zipkin.
//
//     telemetry:
//     - kind: io.zipkin.http
//       host: zipkin:9411
//       initialSampleRate: 0.01
import * as v from "valibot";
import { plugin } from "../../core/plugin.ts";
import { decimal, integer, lenient, port, says, truth } from "../../core/schema.ts";
import type { Correction } from "../../core/schema.ts";
import type { TelemeterDeps } from "../telemeter.ts";
import type { SpanPosterOptions } from "./span-poster.ts";

const defaultPath = "/api/v2/spans";
/** Where Zipkin takes JSON; Linkerd's default is the port of Scribe. */
const httpPort = 9411;
const scribePort = 9410;
/** Linkerd's, of both kinds. */
const usualSampleRate = 0.001;

const sampleRate = () =>
  says("The share of the traces to record that no caller has decided.", decimal(0, 1));

const text = (expected: string) => v.pipe(v.string(expected), v.nonEmpty(expected));
const hostName = () => text("expected a host name");

/** Linkerd sent Thrift to a Scribe port, which Zipkin has dropped. */
function scribe(value: unknown): Correction | null {
  if (typeof value !== "object" || value === null) return null;
  const { host = "localhost", port: given = scribePort } = value as Record<string, unknown>;
  if (Number(given) !== scribePort) return null;
  const url = urlOf("http", `${String(host)}:${httpPort}`, defaultPath);
  return {
    readAs: value,
    warning: `is read as port: ${httpPort}: spans go as JSON over HTTP to ${url}, since Zipkin has dropped Scribe, which listened on ${scribePort}`,
  };
}

export const zipkin = plugin({
  kind: "io.l5d.zipkin",
  schema: lenient(
    scribe,
    v.strictObject({
      kind: v.literal("io.l5d.zipkin"),
      host: says("The host of Zipkin.", v.optional(hostName(), "localhost")),
      port: says("Its port for HTTP; 9410 is read as 9411.", v.optional(port(), scribePort)),
      sampleRate: v.optional(sampleRate(), usualSampleRate),
    }),
  ),
  create: ({ kind, host, port: given, sampleRate: rate }, deps: TelemeterDeps) => {
    const authority = `${host}:${given === scribePort ? httpPort : given}`;
    const url = urlOf("http", authority, defaultPath);
    return open({ ...usual(kind, "host and port"), url, sampleRate: rate }, deps);
  },
});

export const zipkinHttp = plugin({
  kind: "io.zipkin.http",
  schema: v.strictObject({
    kind: v.literal("io.zipkin.http"),
    host: says(
      "Host and port of Zipkin.",
      v.optional(
        v.pipe(
          v.string(),
          v.regex(/^[^\s/:]+(:\d{1,5})?$|^\[[\da-f:]+\](:\d{1,5})?$/i, "expected host:port"),
        ),
        `localhost:${httpPort}`,
      ),
    ),
    hostHeader: says("The Host header. Default: `host`.", v.optional(hostName())),
    path: says(
      "The path of the endpoint.",
      v.optional(v.pipe(v.string(), v.startsWith("/", "expected a path")), defaultPath),
    ),
    compressionEnabled: says("Whether bodies are compressed.", v.optional(truth(), true)),
    tlsEnabled: says("Whether to use https.", v.optional(truth(), false)),
    tlsValidationEnabled: says(
      "false: accepts any certificate. Whoever is in between can read and change everything.",
      v.optional(truth(), true),
    ),
    initialSampleRate: v.optional(sampleRate(), usualSampleRate),
    intervalMs: says("How often spans are sent.", v.optional(integer(10), 1_000)),
  }),
  create: (config, deps: TelemeterDeps) => {
    const { kind, host, hostHeader, path, tlsEnabled, initialSampleRate, intervalMs } = config;
    return open(
      {
        ...usual(kind, "host"),
        url: urlOf(tlsEnabled ? "https" : "http", host, path),
        headers: hostHeader === undefined ? {} : { host: hostHeader },
        isCompressed: config.compressionEnabled,
        tls: config.tlsValidationEnabled ? null : { disableValidation: true },
        sampleRate: initialSampleRate,
        intervalMs,
      },
      deps,
    );
  },
});

type Options = Omit<SpanPosterOptions, "encode">;

function usual(kind: string, keys: string): Omit<Options, "url" | "sampleRate"> {
  const advice = `spans of this time may be lost; check ${keys} of ${kind}`;
  return { kind, headers: {}, isCompressed: true, tls: null, intervalMs: 1_000, advice };
}

function urlOf(scheme: string, authority: string, path: string): string {
  const literal = /^[^[]*:.*:\d+$/.test(authority)
    ? authority.replace(/^(.*):(\d+)$/, "[$1]:$2")
    : authority;
  return `${scheme}://${literal}${path}`;
}

async function open(options: Options, deps: TelemeterDeps) {
  const [{ spanPoster }, { zipkinJson }] = await Promise.all([
    import("./span-poster.ts"),
    import("./zipkin-json.ts"),
  ]);
  return spanPoster({ ...options, encode: zipkinJson }, deps);
}
