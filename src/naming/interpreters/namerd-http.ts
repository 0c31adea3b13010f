// Names bound by a name server, over Linkerd's HTTP API (`io.l5d.httpController`).
//
//     interpreter:
//       kind: io.l5d.namerd.http
//       dst: /$/inet/127.0.0.1/4180   # where the name server is: a name
//       namespace: default
//       retry: { baseSeconds: 5 }     # the longest wait between two attempts
//
// The namers of this file serve `dst` only. While the name server is away, the last good answers stay.
import * as v from "valibot";
import type { InterpreterDeps, InterpreterPlugin } from "../../core/naming.ts";
import { plugin } from "../../core/plugin.ts";
import { clientTlsEntries } from "../../core/tls/schema.ts";
import { tlsOptions } from "../consul/schema.ts";
import { HttpNames } from "../namerd/http-names.ts";
import { Located } from "../namerd/located.ts";
import { remoteInterpreter } from "../namerd/remote-interpreter.ts";
import { remoteEntries, retryRange } from "../namerd/schema.ts";

const kind = "io.l5d.namerd.http";
const schema = v.strictObject({
  kind: v.literal(kind),
  ...remoteEntries(),
  tls: v.optional(v.strictObject(clientTlsEntries())),
});

export const namerdHttp: InterpreterPlugin = plugin({
  kind,
  schema,
  create({ dst, namespace, retry, tls }, deps: InterpreterDeps) {
    const { clock, random, log, stats } = deps;
    const secure = tls?.enabled === true ? tls : null;
    const remote = new HttpNames({
      located: new Located(dst, deps),
      namespace,
      scheme: secure === null ? "http" : "https",
      async openHttp() {
        const { Agent, request } = await import("undici");
        // Safe cast: both are options of node:tls; only their types differ in what may be undefined.
        const connect =
          secure === null ? {} : (tlsOptions(secure, secure.commonName ?? "") as object);
        // Each watch holds a connection for as long as it lasts.
        const dispatcher = new Agent({ connect, pipelining: 1 });
        return {
          request: (url, options) => request(url, { ...options, dispatcher }),
          close: () => void dispatcher.destroy(),
        };
      },
      retry: retryRange(retry),
      clock,
      random,
      log,
      counts: { updates: stats.counter("updates"), errors: stats.counter("errors") },
    });
    return remoteInterpreter(remote, namespace, clock);
  },
});
