// Names bound by a name server, over ThriftMux (`io.l5d.thriftNameInterpreter`): one connection for all names.
//
//     interpreter:
//       kind: io.l5d.namerd
//       dst: /$/inet/127.0.0.1/4100   # where the name server is: a name
//       namespace: default
//       retry: { baseSeconds: 5 }     # the longest wait between two attempts
//       tls: { commonName: namerd, caCert: ./ca.pem }   # the default is plain text
//       failureThreshold: { minPeriodMs: 5000, closeTimeoutMs: 4000 }   # pings
//
// The namers of this file serve `dst` only. While the name server is away, the last good answers stay.
import * as v from "valibot";
import type { InterpreterDeps, InterpreterPlugin } from "../../core/naming.ts";
import { plugin } from "../../core/plugin.ts";
import type { ClientTlsConfig } from "../../core/tls/tls.ts";
import { integer } from "../../core/schema.ts";
import { Located } from "../namerd/located.ts";
import { remoteInterpreter } from "../namerd/remote-interpreter.ts";
import { remoteEntries, retryRange } from "../namerd/schema.ts";
import { ThriftNames } from "../namerd/thrift/thrift-names.ts";

const kind = "io.l5d.namerd";
const expectedName = "expected the name in the name server's certificate";
const schema = v.strictObject({
  kind: v.literal(kind),
  ...remoteEntries(),
  tls: v.optional(
    v.strictObject({
      commonName: v.pipe(v.string(expectedName), v.nonEmpty(expectedName)),
      caCert: v.optional(v.string("expected the path of a CA's certificate")),
    }),
  ),
  failureThreshold: v.optional(
    v.strictObject({
      minPeriodMs: v.optional(integer(1), 5_000),
      closeTimeoutMs: v.optional(integer(1), 4_000),
    }),
    {},
  ),
});

type Tls = v.InferOutput<typeof schema>["tls"];

function tlsOf(tls: Tls): ClientTlsConfig | null {
  if (tls === undefined) return null;
  return {
    commonName: tls.commonName,
    disableValidation: false,
    allowsSubjectName: false,
    trustPaths: tls.caCert === undefined ? [] : [tls.caCert],
    clientAuth: null,
    versions: { min: "TLSv1.2", max: "TLSv1.3" },
  };
}

export const namerd: InterpreterPlugin = plugin({
  kind,
  schema,
  create({ dst, namespace, retry, failureThreshold, tls }, deps: InterpreterDeps) {
    const { clock, random, stats, dialMessages: dial } = deps;
    const { minPeriodMs: intervalMs, closeTimeoutMs: timeoutMs } = failureThreshold;
    const remote = new ThriftNames({
      located: new Located(dst, deps),
      namespace,
      dial,
      dialOptions: { pings: { intervalMs, timeoutMs }, tls: tlsOf(tls) },
      retry: retryRange(retry),
      clock,
      random,
      counts: { updates: stats.counter("updates"), errors: stats.counter("errors") },
    });
    return remoteInterpreter(remote, namespace, clock);
  },
});
