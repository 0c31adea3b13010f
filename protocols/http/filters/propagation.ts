// In which header fields traces come and go: the router's key `tracePropagator`.
//
//     tracePropagator:
//       kind: io.l5d.formats
//       read: [w3c, b3, l5d]
//       write: [w3c, l5d]
import * as v from "valibot";
import type { Random } from "../../../src/core/clock.ts";
import { says, truth } from "../../../src/core/schema.ts";
import type { Counter } from "../../../src/core/stats.ts";
import { childOf, newTrace } from "../../../src/core/tracing/trace-id.ts";
import type { TraceId } from "../../../src/core/tracing/trace-id.ts";
import type { PassthroughFields } from "../codec/passthrough-fields.ts";
import { b3Multi, b3Single } from "../codec/traces/b3.ts";
import { malformed } from "../codec/traces/format.ts";
import type { TraceFormat, Values } from "../codec/traces/format.ts";
import { childLines, l5d } from "../codec/traces/l5d.ts";
import { w3c } from "../codec/traces/w3c.ts";
import type { HttpRequest } from "../message.ts";

const formats = { l5d, b3: b3Single, b3multi: b3Multi, w3c } as const;
type FormatName = keyof typeof formats;

const formatNames = () => {
  const expected = "expected a list of formats: l5d, b3, b3multi, w3c";
  const name = v.picklist(["l5d", "b3", "b3multi", "w3c"], expected);
  return v.pipe(v.array(name, expected), v.nonEmpty("expected at least one format"));
};

/** Linkerd asks for it in some files, and it means nothing here. */
const experimental = v.optional(truth());

export const propagatorSchema = v.variant("kind", [
  v.strictObject({ kind: v.literal("io.l5d.default"), experimental }),
  v.strictObject({
    kind: v.literal("io.l5d.zipkin"),
    singleHeader: says("Write `b3` instead of `x-b3-...`.", v.optional(truth(), false)),
    experimental,
  }),
  v.strictObject({ kind: v.literal("io.l5d.w3c"), experimental }),
  v.strictObject({
    kind: v.literal("io.l5d.formats"),
    read: says("The first format that a request has is its trace.", formatNames()),
    write: says("All of them are written for the endpoint.", formatNames()),
    experimental,
  }),
]);
type PropagatorConfig = v.InferOutput<typeof propagatorSchema>;

interface PropagationDeps {
  readonly random: Random;
  /** Counts traces that cannot be read, and are ignored. */
  readonly ignored: Counter;
}

export interface Propagation {
  /**
   * Takes the caller's trace out of a request; `context` is the value of its `l5d-ctx-trace`, if any. Returns
   * the server's span: below the caller's, or the root of a new trace.
   */
  read(request: HttpRequest, context: string | null): TraceId;
  /** The header lines of an attempt, whose span this is. */
  lines(span: TraceId): string;
  /** The same for a new span below the server's, which nobody records. */
  write(server: TraceId): string;
  /** Removes what a caller that is not trusted has sent, beside its `l5d-*` fields. */
  clear(request: HttpRequest): void;
}

export function propagation(config: PropagatorConfig, deps: PropagationDeps): Propagation {
  switch (config.kind) {
    case "io.l5d.default":
      return linkerds(deps);
    case "io.l5d.zipkin":
      return inFormats(["b3"], [config.singleHeader ? "b3" : "b3multi"], deps);
    case "io.l5d.w3c":
      return inFormats(["w3c"], ["w3c"], deps);
    case "io.l5d.formats":
      return inFormats(config.read, config.write, deps);
    default:
      return config satisfies never;
  }
}

/** Knows `l5d-ctx-trace` alone: trace headers of others pass through like any field. */
function linkerds(deps: PropagationDeps): Propagation {
  const { random } = deps;
  return {
    read: (_, context) =>
      context === null ? newTrace(random) : spanBelow([l5d], valuesOf(context), deps),
    lines: l5d.lines,
    write: (server) => childLines(server, random),
    clear() {},
  };
}

function inFormats(
  read: readonly FormatName[],
  write: readonly FormatName[],
  deps: PropagationDeps,
): Propagation {
  const { random } = deps;
  const reading = read.map((name) => formats[name]);
  const writing = [...new Set(write)].map((name) => formats[name]);
  // A field that is written replaces the caller's, even where that is not read.
  const taken = fieldsOf([...reading, ...writing]);
  const isWide = writing.some((format) => format.isWide);
  const lines = (span: TraceId): string => {
    let all = "";
    for (const format of writing) all += format.lines(span);
    return all;
  };
  return {
    lines,
    read: (request, context) => {
      const values = taken.from(request.fields, context);
      return values === null ? newTrace(random, isWide) : spanBelow(reading, values, deps, isWide);
    },
    write: (server) => lines(childOf(server, random)),
    clear: (request) => void taken.from(request.fields, null),
  };
}

/** The first format with a span wins; a decision without one applies to the trace that begins here. */
function spanBelow(
  reading: readonly TraceFormat[],
  values: Values,
  { random, ignored }: PropagationDeps,
  isWide = false,
): TraceId {
  let flags = 0;
  for (const format of reading) {
    const received = format.read(values);
    if (received === null) continue;
    if (received === malformed) ignored.value++;
    else if ("span" in received) return childOf(received.span, random);
    else flags ||= received.flags;
  }
  return newTrace(random, isWide, flags);
}

const valuesOf = (context: string): Values => new Map([[l5d.fields[0], [context]]]);

/** Takes these fields out of a head. */
function fieldsOf(taking: readonly TraceFormat[]) {
  const names = new Set(taking.flatMap(({ fields }) => fields));
  // `l5d-*` fields never pass through.
  const passing = [...names].filter((name) => name !== l5d.fields[0]);
  const any = new RegExp(`^(?:${passing.join("|")}):`, "im");
  return {
    /** null: it has none of them. */
    from(fields: PassthroughFields, context: string | null): Values | null {
      // Most heads are passed on as received: their fields are split only if there is something to take.
      const isFound = passing.length > 0 && any.test(fields.lines);
      if (!isFound) return context === null ? null : valuesOf(context);
      const values = new Map<string, string[]>();
      if (context !== null) values.set(l5d.fields[0], [context]);
      const { list } = fields;
      let kept = 0;
      for (let i = 0; i < list.length; i += 2) {
        const name = list[i] as string;
        const value = list[i + 1] as string;
        const lower = name.toLowerCase();
        if (names.has(lower)) {
          const all = values.get(lower);
          if (all === undefined) values.set(lower, [value]);
          else all.push(value);
        } else {
          list[kept++] = name;
          list[kept++] = value;
        }
      }
      list.length = kept;
      return values;
    },
  };
}
