// The InfluxDB exporter: a page in line protocol, for telegraf to read, under Linkerd's names.
//
//     telemetry:
//     - kind: io.l5d.influxdb
import * as v from "valibot";
import { plugin } from "../../core/plugin.ts";
import type { TextPage } from "../../core/text-page.ts";
import { inChunks } from "../chunked-work.ts";
import { fieldsOf } from "../fields.ts";
import { metricsBelow, type Metric, type MetricsNode } from "../metrics.ts";
import type { Telemeter, TelemeterDeps, TelemeterPlugin } from "../telemeter.ts";
import { takesLabel, type Labels } from "./prometheus-names.ts";

const defaultPath = "/admin/metrics/influxdb";

const schema = v.strictObject({ kind: v.literal("io.l5d.influxdb") });

export const influxdb: TelemeterPlugin = {
  ...plugin({
    kind: "io.l5d.influxdb",
    schema,
    create: (_, { metrics }: TelemeterDeps): Telemeter => ({
      pages: [
        {
          path: defaultPath,
          contentType: "text/plain; charset=utf-8",
          render: (host) => influxdbPage(metrics, host),
        },
      ],
      close: () => Promise.resolve(),
    }),
  }),
  defaultPath,
};

/** One line: the metrics of one scope are the fields of one point. */
interface Point {
  /** Measurement and tags, escaped. */
  readonly head: string;
  readonly fields: (readonly [key: string, value: number])[];
}

/** What a field has beside its key: `=`, a number, a comma. */
const longestRest = 28;

/** Reads all metrics, chunk by chunk. `host` becomes the tag `host`; null: `none`. */
export async function influxdbPage(root: MetricsNode, host: string | null): Promise<TextPage> {
  const points = new Map<string, Point>();
  let maxBytes = 1;
  await inChunks(metricsBelow(root, []), ({ name: path, metric }) => {
    const scope = path.slice(0, -1);
    const key = scope.join("\n");
    let point = points.get(key);
    if (point === undefined) {
      point = { head: headOf(scope, host ?? "none"), fields: [] };
      points.set(key, point);
      maxBytes += Buffer.byteLength(point.head) + 2;
    }
    for (const field of namedFields(path.at(-1) ?? "", metric)) {
      point.fields.push(field);
      maxBytes += Buffer.byteLength(field[0]) + longestRest;
    }
  });
  return {
    maxBytes,
    *pieces() {
      for (const { head, fields } of points.values()) {
        if (fields.length === 0) continue;
        fields.sort(([a], [b]) => (a < b ? -1 : 1));
        yield `${head} ${fields.map(([key, value]) => `${key}=${value}`).join(",")}\n`;
      }
    },
  };
}

/**
 * Scopes joined with `:`, then the tags in the order of their names: `rt`, `service`, `client` and
 * `server` are the same scopes as in Prometheus' labels. Metrics without a scope are below `root`.
 */
function headOf(scope: readonly string[], host: string): string {
  const kept: string[] = [];
  const labels: [string, string][] = [];
  for (let index = 0; index < scope.length; index += 1) {
    const part = scope[index]!;
    kept.push(part);
    if (index === scope.length - 1 || !takesLabel(scope, index, labels)) continue;
    labels.push([part, scope[index + 1]!]);
    index += 1;
  }
  const measurement = kept.length === 0 ? "root" : kept.join(":").replace(/[^a-zA-Z0-9:]/g, "_");
  return [measurement, ...tagsOf([...labels, ["host", host]])].join(",");
}

/** A tag without a value is an error of the format, so it is left out. */
function tagsOf(labels: Labels): string[] {
  const present = labels.filter(([, value]) => value !== "");
  return present.map(([name, value]) => `${name}=${escape(value)}`).sort();
}

function namedFields(name: string, metric: Metric): (readonly [string, number])[] {
  const key = escape(name === "" ? "value" : name);
  return fieldsOf(metric).map(([suffix, value]) => [
    metric.kind === "histogram" ? `${key}_${suffixes[suffix] ?? suffix}` : key,
    value,
  ]);
}

/** Where Linkerd calls the same number differently than in its JSON. */
const suffixes: Readonly<Record<string, string>> = { p9990: "p999" };

/**
 * For tags and keys of fields, which names of services are part of. The format has no escape for a
 * line feed, nor for a backslash that something else to escape follows.
 */
function escape(text: string): string {
  return text
    .replaceAll("\n", "\\n")
    .replaceAll("\r", "\\r")
    .replace(/\\(?=[\\,= ]|$)/g, "_")
    .replace(/[,= ]/g, "\\$&");
}
