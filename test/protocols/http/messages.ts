// Requests and responses for tests, with what the test does not care about filled in.
import { Buffer } from "node:buffer";
import { noBody, wholeBody } from "../../../protocols/http/codec/body.ts";
import { PassthroughFields } from "../../../protocols/http/codec/passthrough-fields.ts";
import type { Fields } from "../../../protocols/http/codec/passthrough-fields.ts";
import { context } from "../../../protocols/http/filters/context.ts";
import type { Context } from "../../../protocols/http/filters/context.ts";
import { propagation } from "../../../protocols/http/filters/propagation.ts";
import type { HttpRequest, HttpResponse } from "../../../protocols/http/message.ts";
import type { Clock, Random } from "../../../src/core/clock.ts";
import { emptyDtab } from "../../../src/core/names/dtab.ts";
import { pathLiteral } from "../../../src/core/names/path.ts";
import type { BoundName } from "../../../src/core/request.ts";
import type { Service } from "../../../src/core/service.ts";
import type { PeerInfo } from "../../../src/net/peer-info.ts";

export const peer: PeerInfo = {
  remoteHost: "127.0.0.1",
  remotePort: 53_422,
  localHost: "127.0.0.1",
  localPort: 4140,
  isLocal: true,
  identity: null,
};

export const stranger: PeerInfo = { ...peer, remoteHost: "203.0.113.9", isLocal: false };

/** Fields that pass through may be a flat list: what tests write. */
export type Parts<Message> = Partial<Omit<Message, "fields">> & {
  readonly fields?: Fields | PassthroughFields;
};

const passing = (fields: Fields | PassthroughFields): PassthroughFields =>
  fields instanceof PassthroughFields ? fields : PassthroughFields.of(fields);

export function request({ fields = [], ...parts }: Parts<HttpRequest> = {}): HttpRequest {
  const { target = "/", host = "web" } = parts;
  return {
    deadlineMs: Infinity,
    localDtab: emptyDtab,
    replayable: true,
    idempotent: true,
    logicalName: null,
    bound: null,
    endpoint: null,
    destination: null,
    clusterHandle: null,
    method: "GET",
    target: "/",
    version: "1.1",
    host: "web",
    absoluteScheme: null,
    fields: passing(fields),
    receivedTarget: target,
    receivedHost: host,
    via: null,
    context: null,
    finagleDeadline: null,
    contextOut: "",
    hop: null,
    expectsContinue: false,
    upgrade: null,
    body: noBody,
    peer,
    interims: null,
    ...parts,
  };
}

export function response({ fields = [], ...parts }: Parts<HttpResponse> = {}): HttpResponse {
  return {
    status: 200,
    reason: "OK",
    version: "1.1",
    fields: passing(fields),
    via: null,
    context: null,
    verdict: null,
    body: noBody,
    upgrade: null,
    ...parts,
  };
}

/** The context of a router without a `tracePropagator`. */
export function defaultContext(deps: { readonly clock: Clock; readonly random: Random }): Context {
  const traces = propagation(
    { kind: "io.l5d.default" },
    { random: deps.random, ignored: { value: 0 } },
  );
  return context({ ...deps, propagation: traces });
}

/** The name `/svc/web`, bound to `id`. */
export function boundTo(id: string, residual = "/"): BoundName {
  return {
    logicalName: pathLiteral("/svc/web"),
    id: pathLiteral(id),
    residual: pathLiteral(residual),
    note: null,
  };
}

export const textBody = (text: string) => wholeBody(Buffer.from(text));

export function textOf(answer: HttpResponse | null): string {
  return Buffer.from(answer?.body.whole ?? []).toString("latin1");
}

/** A service that responses at once, and keeps the requests it saw. */
export function responding(make: (request: HttpRequest) => HttpResponse = () => response()): {
  readonly seen: HttpRequest[];
  readonly service: Service<HttpRequest, HttpResponse>;
} {
  const seen: HttpRequest[] = [];
  return {
    seen,
    service(asked, reply) {
      seen.push(asked);
      reply.start(make(asked));
      reply.end(null);
      return { cancel() {} };
    },
  };
}

/** A flat list of fields, or their lines, as an object; a name that comes twice keeps the last value. */
export function asObject(given: readonly string[] | string): Record<string, string> {
  const fields = typeof given === "string" ? new PassthroughFields(given).list : given;
  const object: Record<string, string> = {};
  for (let i = 0; i < fields.length; i += 2) object[fields[i] ?? ""] = fields[i + 1] ?? "";
  return object;
}
