// Watches a dtab in Consul's key-value store, which comes before the router's own; later entries win.
//
//     interpreter:
//       kind: io.l5d.consul.interpreter
//       host: localhost             # of the agent; the default, as all that follows
//       port: 8500
//       pathPrefix: /namerd/dtabs   # the key is <pathPrefix>/<namespace>
//       namespace: default
//       resyncIntervalMs: 300000    # how often the key is read from scratch
//
// A change applies immediately. A text that is not a dtab is logged, and the last good one stays; a
// key that does not exist is a dtab without entries. See docs/consul.md.
import { showAddress } from "../../core/address.ts";
import * as v from "valibot";
import { concat, emptyDtab, parseDtab, showDtab } from "../../core/names/dtab.ts";
import type { Dtab } from "../../core/names/dtab.ts";
import { failure } from "../../core/failure.ts";
import { failed, flatMap, ok, pending } from "../../core/live.ts";
import type { Live, State } from "../../core/live.ts";
import type { Interpreter, InterpreterDeps, InterpreterPlugin } from "../../core/naming.ts";
import { segmentsOf, segmentText } from "../../core/names/path.ts";
import { plugin } from "../../core/plugin.ts";
import { path } from "../../core/schema.ts";
import { querySlotsOf } from "../consul/query-slots.ts";
import { agentEntries, clientOf, consistency, watchEntries } from "../consul/schema.ts";
import { pollToJson } from "../consul/watch-json.ts";
import type { WatchDeps } from "../consul/watch-spec.ts";
import { backoffSchema } from "../../core/pacing/backoff.ts";
import type { BackoffRange } from "../../core/pacing/backoff.ts";
import { Watch } from "../consul/watch.ts";
import { computed } from "../binding/tracker.ts";
import { localInterpreter } from "./default.ts";

const schema = v.strictObject({
  kind: v.literal("io.l5d.consul.interpreter"),
  ...agentEntries(),
  ...watchEntries(),
  pathPrefix: v.optional(path(), "/namerd/dtabs"),
  namespace: v.optional(
    v.pipe(
      v.string("expected a name of letters, digits, _ and -"),
      v.regex(/^[A-Za-z0-9_-]+$/, "expected a name of letters, digits, _ and -"),
    ),
    "default",
  ),
  /** Defaults to the agent's own. */
  datacenter: v.optional(v.string("expected the name of a data centre")),
  readConsistencyMode: v.optional(consistency(), "default"),
  /** Accepted for files of Linkerd 1: nothing is written. */
  writeConsistencyMode: v.optional(consistency()),
  backoff: v.optional(backoffSchema()),
});

type Config = v.InferOutput<typeof schema>;

export const consulInterpreter: InterpreterPlugin = plugin({
  kind: "io.l5d.consul.interpreter",
  schema,
  create(config, deps: InterpreterDeps): Interpreter {
    const stored = new StoredDtab(config, deps);
    // Always watched, so that a newly bound name need not wait for the key to be read.
    const unwatch = stored.dtab.watch(() => {});
    const inner = localInterpreter(deps);
    return {
      bind: (dtab, path, local) =>
        flatMap(stored.dtab, (before) => inner.bind(concat(before, dtab), path, local)),
      delegate: (dtab, path, options) =>
        flatMap(stored.dtab, (before) => inner.delegate(concat(before, dtab), path, options)),
      watchState: () => stored.report,
      close() {
        unwatch();
        stored.close();
        inner.close();
      },
    };
  },
});

/** The text under the key; null: there is no such key. */
type Stored = string | null;

/** The dtab under a key. Keeps the last good one when the text turns bad. */
class StoredDtab {
  readonly dtab: Live<Dtab>;
  readonly #location: string;
  readonly #deps: InterpreterDeps;
  readonly #watch: Watch<Stored>;
  readonly #close: () => void;
  /** The last text that was parsed; undefined: none yet. */
  #parsed: Stored | undefined = undefined;
  #good: Dtab | null = null;
  #problem: string | null = null;

  constructor(config: Config, deps: InterpreterDeps) {
    const agent = showAddress(config);
    const key = [...segmentsOf(config.pathPrefix).map(segmentText), config.namespace].join("/");
    this.#location = `the key ${key} at ${agent}`;
    this.#deps = deps;
    const client = clientOf(config, deps.hosts);
    this.#close = () => client.close();
    const { clock, random, log, stats, hosts } = deps;
    const watchDeps: WatchDeps = {
      client,
      slots: querySlotsOf(agent, hosts),
      agent,
      resyncIntervalMs: config.resyncIntervalMs,
      backoff: backoffRange(config),
      clock,
      random,
      log,
      counts: { updates: stats.counter("updates"), errors: stats.counter("errors") },
    };
    this.#watch = new Watch<Stored>(
      {
        name: key,
        query: {
          kind: "key",
          key,
          datacenter: config.datacenter ?? null,
          consistency: config.readConsistencyMode,
        },
        read: readText,
        isSame: Object.is,
        absent: null,
        mayBeMissing: true,
        isBlocking: true,
        late: pending, // a dtab has no alternative
        unknown: (problem) =>
          failed(
            failure("unresolved", `the dtab in ${this.#location} could not be read: ${problem}`),
          ),
      },
      watchDeps,
    );
    stats.gauge(() => Math.round(this.#watch.report.staleMs), "stale_ms");
    const { live } = this.#watch;
    this.dtab = computed((tracker) => {
      const state = tracker.read(live, "text", () => live);
      return state.kind === "ok" ? this.#read(state.value) : state;
    }, Object.is);
  }

  get report(): Readonly<Record<string, unknown>> {
    return {
      key: this.#location,
      dtab: this.#good === null ? null : showDtab(this.#good),
      problem: this.#problem,
      poll: pollToJson(this.#watch.report),
    };
  }

  close(): void {
    this.#watch.close();
    this.#close();
  }

  #read(text: Stored): State<Dtab> {
    if (text !== this.#parsed) this.#parse(text);
    if (this.#good !== null) return ok(this.#good);
    const detail = this.#problem ?? `the dtab in ${this.#location} was not read`;
    return failed(failure("unresolved", detail));
  }

  #parse(text: Stored): void {
    this.#parsed = text;
    const { log } = this.#deps;
    const parsed = text === null ? { ok: true as const, value: emptyDtab } : parseDtab(text);
    if (parsed.ok) {
      this.#good = parsed.value;
      this.#problem = null;
      const isMissing = text === null;
      log.info({
        event: "dtab read",
        key: this.#location,
        isMissing,
        entries: parsed.value.length,
      });
      return;
    }
    this.#problem = `${this.#location} does not hold a dtab: ${parsed.error.message}`;
    const kept = this.#good?.length ?? null;
    log.warn({ event: "bad dtab", key: this.#location, problem: this.#problem, kept });
  }
}

/** The body of a raw read is bytes, or undefined for an empty value. */
function readText(body: unknown): { readonly value: Stored } | string {
  if (body === undefined) return { value: "" };
  return Buffer.isBuffer(body) ? { value: body.toString("utf8") } : "Consul's response is not text";
}

function backoffRange({ backoff: configured }: Config): BackoffRange {
  if (configured === undefined) return { minMs: 10, maxMs: 5_000 };
  const { minMs, maxMs } =
    configured.kind === "constant" ? { minMs: configured.ms, maxMs: configured.ms } : configured;
  // Linkerd's default was to retry without any wait, for as long as Consul was away.
  return { minMs: Math.max(10, minMs), maxMs: Math.max(10, maxMs) };
}
