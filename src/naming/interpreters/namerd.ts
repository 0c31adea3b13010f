// Names bound by a name server, over ThriftMux (`io.l5d.thriftNameInterpreter`): one connection for all names.
//
//     interpreter:
//       kind: io.l5d.namerd
//       dst: /$/inet/127.0.0.1/4100   # where the name server is: a name
//       namespace: default
//       retry: { baseSeconds: 5 }     # the longest wait between two attempts
//       failureThreshold: { minPeriodMs: 5000, closeTimeoutMs: 4000 }   # pings
//
// The namers of this file serve `dst` only. While the name server is away, the last good answers stay.
import * as v from "valibot";
import type { InterpreterDeps, InterpreterPlugin } from "../../core/naming.ts";
import { plugin } from "../../core/plugin.ts";
import { integer } from "../../core/schema.ts";
import { Located } from "../namerd/located.ts";
import { remoteInterpreter } from "../namerd/remote-interpreter.ts";
import { remoteEntries, retryRange } from "../namerd/schema.ts";
import { ThriftNames } from "../namerd/thrift/thrift-names.ts";

const kind = "io.l5d.namerd";
const schema = v.strictObject({
  kind: v.literal(kind),
  ...remoteEntries(),
  failureThreshold: v.optional(
    v.strictObject({
      minPeriodMs: v.optional(integer(1), 5_000),
      closeTimeoutMs: v.optional(integer(1), 4_000),
    }),
    {},
  ),
});

export const namerd: InterpreterPlugin = plugin({
  kind,
  schema,
  create({ dst, namespace, retry, failureThreshold }, deps: InterpreterDeps) {
    const { clock, random, stats, dialMessages: dial } = deps;
    const { minPeriodMs: intervalMs, closeTimeoutMs: timeoutMs } = failureThreshold;
    const remote = new ThriftNames({
      located: new Located(dst, deps),
      namespace,
      dial,
      pings: { intervalMs, timeoutMs },
      retry: retryRange(retry),
      clock,
      random,
      counts: { updates: stats.counter("updates"), errors: stats.counter("errors") },
    });
    return remoteInterpreter(remote, namespace, clock);
  },
});
