// OTLP's JSON, checked as strictly as its specification is written: whatever a collector could stumble over fails.
import assert from "node:assert/strict";

type Map = Readonly<Record<string, unknown>>;

const asMap = (value: unknown, where: string): Map => {
  assert.ok(
    typeof value === "object" && value !== null && !Array.isArray(value),
    `${where}: a map`,
  );
  return value as Map;
};

const asList = (value: unknown, where: string): readonly unknown[] => {
  assert.ok(Array.isArray(value), `${where}: a list`);
  return value;
};

/** Fields by name; each value is looked at, and no other field may be there. */
type Rules = Readonly<Record<string, (value: unknown, where: string) => void>>;

function fields(value: unknown, where: string, required: Rules, optional: Rules = {}): void {
  const map = asMap(value, where);
  for (const name of Object.keys(required))
    assert.ok(Object.hasOwn(map, name), `${where}: no ${name}`);
  for (const [name, each] of Object.entries(map)) {
    const rule = required[name] ?? optional[name];
    assert.ok(rule !== undefined, `${where}: unknown field ${name}`);
    rule(each, `${where}.${name}`);
  }
}

const eachOf = (rule: (value: unknown, where: string) => void) => (value: unknown, where: string) =>
  asList(value, where).forEach((item, i) => rule(item, `${where}[${i}]`));

const matches = (pattern: RegExp) => (value: unknown, where: string) => {
  assert.ok(typeof value === "string" && pattern.test(value), `${where}: ${JSON.stringify(value)}`);
};
const text = matches(/^.*$/s);
const nonEmpty = matches(/^.+$/s);
/** 64-bit numbers are decimal text. */
const int64 = matches(/^-?\d{1,20}$/);
const uint64 = matches(/^\d{1,20}$/);
const nanos = matches(/^1[5-9]\d{17}$/); // of this age
const number = (value: unknown, where: string) =>
  assert.ok(typeof value === "number" && Number.isFinite(value), `${where}: a number`);
const oneOf =
  (...values: unknown[]) =>
  (value: unknown, where: string) =>
    assert.ok(values.includes(value), `${where}: ${String(value)}`);
/** Ids are hexadecimal, not base64 as elsewhere in Protobuf's JSON. */
const spanId = matches(/^(?!0{16})[0-9a-f]{16}$/);
const traceId = matches(/^(?!0{32})[0-9a-f]{32}$/);

const attribute = (value: unknown, where: string) =>
  fields(value, where, {
    key: nonEmpty,
    value: (inner, at) => {
      assert.equal(Object.keys(asMap(inner, at)).length, 1, `${at}: one value`);
      fields(inner, at, {}, { stringValue: text, intValue: int64 });
    },
  });
const attributes = (value: unknown, where: string) => {
  eachOf(attribute)(value, where);
  const keys = asList(value, where).map((each) => asMap(each, where)["key"]);
  assert.equal(new Set(keys).size, keys.length, `${where}: keys are unique`);
};
const resource = (value: unknown, where: string) => fields(value, where, { attributes });
const scope = (value: unknown, where: string) =>
  fields(value, where, { name: nonEmpty, version: nonEmpty });

const span = (value: unknown, where: string) =>
  fields(value, where, {
    traceId,
    spanId,
    parentSpanId: matches(/^$|^[0-9a-f]{16}$/),
    flags: oneOf(1),
    name: nonEmpty,
    kind: oneOf(2, 3),
    startTimeUnixNano: nanos,
    endTimeUnixNano: nanos,
    attributes,
    events: eachOf((event, at) => fields(event, at, { timeUnixNano: nanos, name: nonEmpty })),
    status: (status, at) => fields(status, at, {}, { code: oneOf(2), message: text }),
  });

const sumPoint = (value: unknown, where: string) =>
  fields(value, where, { attributes, startTimeUnixNano: nanos, timeUnixNano: nanos, asInt: int64 });
const gaugePoint = (value: unknown, where: string) => {
  fields(value, where, { attributes, timeUnixNano: nanos }, { asInt: int64, asDouble: number });
  const map = asMap(value, where);
  assert.ok(Object.hasOwn(map, "asInt") !== Object.hasOwn(map, "asDouble"), `${where}: one number`);
};
const histogramPoint = (value: unknown, where: string) => {
  fields(value, where, {
    attributes,
    startTimeUnixNano: nanos,
    timeUnixNano: nanos,
    count: uint64,
    sum: number,
    bucketCounts: eachOf(uint64),
    explicitBounds: eachOf(number),
  });
  const { bucketCounts, explicitBounds, count } = asMap(value, where);
  const counts = asList(bucketCounts, where).map(Number);
  const bounds = asList(explicitBounds, where).map(Number);
  assert.equal(counts.length, bounds.length + 1, `${where}: one more bucket than bounds`);
  assert.equal(
    counts.reduce((a, b) => a + b, 0),
    Number(count),
    `${where}: the buckets add up`,
  );
  assert.ok(
    bounds.every((bound, i) => i === 0 || bound > (bounds[i - 1] ?? 0)),
    `${where}: in order`,
  );
};

const metric = (value: unknown, where: string) => {
  const points = (point: (value: unknown, where: string) => void): Rules => ({
    dataPoints: (list, at) => {
      assert.ok(asList(list, at).length > 0, `${at}: not empty`);
      eachOf(point)(list, at);
    },
  });
  const cumulative = oneOf(2);
  fields(
    value,
    where,
    { name: matches(/^[a-zA-Z_][\w.\-/]{0,254}$/), unit: nonEmpty },
    {
      sum: (sum, at) =>
        fields(sum, at, {
          ...points(sumPoint),
          aggregationTemporality: cumulative,
          isMonotonic: oneOf(true),
        }),
      gauge: (gauge, at) => fields(gauge, at, points(gaugePoint)),
      histogram: (histogram, at) =>
        fields(histogram, at, { ...points(histogramPoint), aggregationTemporality: cumulative }),
    },
  );
  assert.equal(Object.keys(asMap(value, where)).length, 3, `${where}: one kind of data`);
};

/** Of one router. */
export interface SentSpan {
  readonly service: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly status: { readonly code?: number; readonly message?: string };
}

/** The spans of a request to `/v1/traces`, which must be without fault. */
export function checkedSpans(body: string): SentSpan[] {
  const parsed: unknown = JSON.parse(body);
  fields(parsed, "request", {
    resourceSpans: eachOf((each, where) =>
      fields(each, where, {
        resource,
        scopeSpans: eachOf((scoped, at) => fields(scoped, at, { scope, spans: eachOf(span) })),
      }),
    ),
  });
  type Raw = Omit<SentSpan, "attributes" | "service"> & { attributes: KeyValue[] };
  const { resourceSpans } = parsed as {
    resourceSpans: { resource: { attributes: KeyValue[] }; scopeSpans: { spans: Raw[] }[] }[];
  };
  return resourceSpans.flatMap(({ resource: of, scopeSpans }) =>
    scopeSpans
      .flatMap(({ spans }) => spans)
      .map((each) => ({
        ...each,
        service: plain(of.attributes)["service.name"] ?? "",
        attributes: plain(each.attributes),
      })),
  );
}

interface KeyValue {
  readonly key: string;
  readonly value: { readonly stringValue?: string; readonly intValue?: string };
}

const plain = (list: readonly KeyValue[]): Record<string, string> =>
  Object.fromEntries(
    list.map(({ key, value }) => [key, value.stringValue ?? value.intValue ?? ""]),
  );

export interface SentMetric {
  readonly name: string;
  readonly unit: string;
  readonly type: "sum" | "gauge" | "histogram";
  readonly points: readonly (Readonly<Record<string, unknown>> & {
    readonly labels: Readonly<Record<string, string>>;
  })[];
}

/** The metrics of a request to `/v1/metrics`, which must be without fault. */
export function checkedMetrics(body: string): SentMetric[] {
  const parsed: unknown = JSON.parse(body);
  fields(parsed, "request", {
    resourceMetrics: eachOf((each, where) =>
      fields(each, where, {
        resource,
        scopeMetrics: eachOf((scoped, at) =>
          fields(scoped, at, { scope, metrics: eachOf(metric) }),
        ),
      }),
    ),
  });
  type Points = { dataPoints: { attributes: KeyValue[] }[] };
  type Raw = { name: string; unit: string; sum?: Points; gauge?: Points; histogram?: Points };
  const { resourceMetrics } = parsed as {
    resourceMetrics: { scopeMetrics: { metrics: Raw[] }[] }[];
  };
  return resourceMetrics
    .flatMap(({ scopeMetrics }) => scopeMetrics)
    .flatMap(({ metrics }) => metrics)
    .map(({ name, unit, ...data }) => {
      const [[type, points] = ["", undefined]] = Object.entries(data);
      return {
        name,
        unit,
        type: type as SentMetric["type"],
        points: (points?.dataPoints ?? []).map(({ attributes: labels, ...point }) => ({
          ...point,
          labels: plain(labels),
        })),
      };
    });
}
