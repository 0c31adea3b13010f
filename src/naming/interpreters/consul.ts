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
import * as v from "valibot";
import { concat, emptyDtab } from "../../core/names/dtab.ts";
import { flatMap, map } from "../../core/live.ts";
import type { Interpreter, InterpreterDeps, InterpreterPlugin } from "../../core/naming.ts";
import { plugin } from "../../core/plugin.ts";
import { clientOf, dtabKeyEntries, keyOf } from "../consul/schema.ts";
import { dtabWatchDeps, StoredDtab } from "../consul/stored-dtab.ts";
import { localInterpreter } from "./default.ts";

const schema = v.strictObject({
  kind: v.literal("io.l5d.consul.interpreter"),
  ...dtabKeyEntries(),
  namespace: v.optional(
    v.pipe(
      v.string("expected a name of letters, digits, _ and -"),
      v.regex(/^[A-Za-z0-9_-]+$/, "expected a name of letters, digits, _ and -"),
    ),
    "default",
  ),
});

export const consulInterpreter: InterpreterPlugin = plugin({
  kind: "io.l5d.consul.interpreter",
  schema,
  create(config, deps: InterpreterDeps): Interpreter {
    const client = clientOf(config, deps.hosts);
    const key = keyOf(config, config.namespace);
    const stored = new StoredDtab(key, config, dtabWatchDeps(config, client, deps));
    const dtab = map(stored.live, (found) => found?.dtab ?? emptyDtab);
    // Always watched, so that a newly bound name need not wait for the key to be read.
    const unwatch = dtab.watch(() => {});
    deps.stats.gauge(() => Math.round(stored.staleMs), "stale_ms");
    const inner = localInterpreter(deps);
    return {
      bind: (base, path, local) =>
        flatMap(dtab, (before) => inner.bind(concat(before, base), path, local)),
      delegate: (base, path, options) =>
        flatMap(dtab, (before) => inner.delegate(concat(before, base), path, options)),
      watchState: () => stored.report,
      troubles: () => stored.troubles(),
      close() {
        unwatch();
        stored.close();
        client.close();
        inner.close();
      },
    };
  },
});
