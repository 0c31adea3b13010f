// The exporter for OpenTelemetry, running. Loaded only where one is configured.
import { hostname } from "node:os";
import { poster } from "../tracing/post.ts";
import { spanPoster } from "../tracing/span-poster.ts";
import type { Telemeter, TelemeterDeps } from "../telemeter.ts";
import { MetricSender } from "./metric-sender.ts";
import type { OtlpConfig } from "./otlp.ts";
import { tracesJson } from "./traces-json.ts";

const advice = "check url, headers and tls of otlp, and that the collector takes OTLP over HTTP";
const timeoutMs = 10_000;

export function openOtlp(config: OtlpConfig, deps: TelemeterDeps): Telemeter {
  const parts = [
    config.traces ? spans(config, deps) : null,
    config.metrics ? metrics(config, deps) : null,
  ].filter((part) => part !== null);
  const spanPart = parts.find((part) => part.spans !== undefined);
  return {
    pages: [],
    ...(spanPart?.spans === undefined ? {} : { spans: spanPart.spans }),
    close: async () => {
      await Promise.all(parts.map((part) => part.close()));
    },
  };
}

function spans(config: OtlpConfig, deps: TelemeterDeps): Telemeter {
  const { kind, url, headers, sampleRate, serviceName, compression } = config;
  const scope = scopeOf(deps);
  const resource = resourceOf(config, deps);
  return spanPoster(
    {
      kind,
      url: `${url}/v1/traces`,
      headers,
      isCompressed: compression === "gzip",
      tls: config.tls ?? null,
      sampleRate,
      intervalMs: 1_000,
      advice: `spans of this time may be lost; ${advice}`,
      encode: (calls) =>
        tracesJson(calls, scope, (router) => ({
          ...resource,
          "service.name": serviceName ?? router,
        })),
    },
    deps,
  );
}

function metrics(config: OtlpConfig, deps: TelemeterDeps): Telemeter {
  const { headers, serviceName, intervalMs, compression } = config;
  const url = `${config.url}/v1/metrics`;
  const connection = deps.connectionTo(url, config.tls ?? null);
  const isCompressed = compression === "gzip";
  return new MetricSender(
    {
      url,
      intervalMs,
      advice,
      scope: scopeOf(deps),
      resource: { ...resourceOf(config, deps), "service.name": serviceName ?? "switchyard" },
    },
    poster({ url, headers, isCompressed, timeoutMs, connection }),
    deps,
  );
}

const scopeOf = ({ version }: TelemeterDeps) => ({ name: "switchyard", version });

function resourceOf({ resource }: OtlpConfig, { version }: TelemeterDeps): Record<string, string> {
  const host = hostname();
  return {
    "service.version": version,
    "service.instance.id": `${host}:${process.pid}`,
    "host.name": host,
    ...resource,
  };
}
