// What is fuzzed: one router for each way to speak, with what is sent to it, what its endpoints answer,
// and how its well-behaved callers speak.
import type { Random } from "../../src/core/clock.ts";
import { bytes, group, number, render, sized, type Node } from "./draft.ts";
import { adminRequest, httpRequest, httpResponse } from "./http-inputs.ts";
import { muxRequest, muxResponse } from "./mux-inputs.ts";
import * as thrift from "./thrift-inputs.ts";
import type { Encoding, Envelope } from "./thrift-inputs.ts";

/** Ports of the two endpoints of a router: one that behaves, and one that does not. */
export interface EndpointPorts {
  readonly web: number;
  readonly evil: number;
}

export interface Target {
  /** The router's label. */
  readonly name: string;
  /** A list entry of `routers`; null: not a router but the admin server. */
  readonly yaml: ((ports: EndpointPorts) => string) | null;
  /** How endpoints find where a call ends; null: there are none. */
  readonly reads: "plain" | "mux" | null;
  /** One message of a hostile caller, whole: mutations come later. */
  request(random: Random): Node;
  /** A good call to the hostile endpoint; the text reaches it. */
  call(text: string, seqid: number): Buffer;
  /** What the hostile endpoint sends upon the call with that sequence id, whole. */
  response(random: Random, seqid: number): Node;
  /** The well-behaved caller and its endpoint; null: the router has none. */
  readonly canary: Canary | null;
}

export interface Canary {
  call(id: number): Buffer;
  /** What the well-behaved endpoint sends: all of it, or the payload in mux. */
  response(id: number): Buffer;
  /** Null: not all is there yet. "": exactly the right response. A text: what is wrong. */
  problem(received: Buffer, id: number): string | null;
}

const token = (id: number): string => `id-${id}-`;

const timeouts = ({ evil }: EndpointPorts): string => `
  service:
    kind: io.l5d.static
    configs:
    - { prefix: /svc/evil, totalTimeoutMs: 100 }
    - { prefix: /svc/web, totalTimeoutMs: 15000 }
  client:
    kind: io.l5d.static
    configs:
    - { prefix: /, connectTimeoutMs: 10000 } # a busy machine may not run the process for a second
    - prefix: /$/inet/127.1/${evil}
      requestAttemptTimeoutMs: 40
      failureAccrual: { kind: none }`;

const dtab = ({ web, evil }: EndpointPorts): string =>
  `/svc/web => /$/inet/127.1/${web} ; /svc/evil => /$/inet/127.1/${evil}`;

const httpCanary: Canary = {
  call: (id) => Buffer.from(`GET /${token(id)} HTTP/1.1\r\nHost: web\r\n\r\n`),
  response: (id) => Buffer.from(httpOk(token(id))),
  problem(received, id) {
    const text = received.toString("latin1");
    const end = text.indexOf("\r\n\r\n");
    const length = Number(/^content-length: (\d+)\r$/im.exec(text)?.[1] ?? 0);
    if (end < 0 || text.length < end + 4 + length) return null;
    const isRight = text.startsWith("HTTP/1.1 200 ") && text.slice(end + 4) === token(id);
    return isRight ? "" : text;
  },
};

const httpOk = (body: string): string =>
  `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

function httpTarget(
  name: string,
  keys: string,
  canary: Canary | null,
  yaml: (ports: EndpointPorts) => string,
): Target {
  return {
    name,
    yaml: (ports) => `
- protocol: http
  label: ${name}
  ${keys}${yaml(ports)}`,
    reads: "plain",
    request: httpRequest,
    call: (text) =>
      Buffer.from(`GET /evil/${text} HTTP/1.1\r\nHost: evil\r\nl5d-name: /svc/evil\r\n\r\n`),
    response: httpResponse,
    canary,
  };
}

/** Without a well-behaved endpoint: all calls go to the hostile one. */
const everythingToEvil = ({ evil }: EndpointPorts): string => `
  dtab: /svc => /$/inet/127.1/${evil}
  service: { totalTimeoutMs: 100, responseClassifier: { kind: io.l5d.http.retryableRead5XX } }
  client: { requestAttemptTimeoutMs: 40, failureAccrual: { kind: none } }`;

const named = (ports: EndpointPorts): string => `
  dtab: ${dtab(ports)}${timeouts(ports)}`;

const admin: Target = {
  name: "admin",
  yaml: null,
  reads: null,
  request: adminRequest,
  call: () => Buffer.alloc(0),
  response: () => group(),
  canary: {
    call: () => Buffer.from("GET /admin/ping HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    response: () => Buffer.alloc(0),
    problem(received) {
      const text = received.toString("latin1");
      if (!text.includes("\r\n\r\n") || !text.endsWith("pong")) return null;
      return text.startsWith("HTTP/1.1 200 ") ? "" : text;
    },
  },
};

interface ThriftForm {
  readonly name: string;
  readonly keys: string;
  readonly clientKeys?: string;
  readonly encoding: Encoding;
  readonly envelope: Envelope;
  /** Callers upgrade to TTwitter, and so does the proxy with endpoints. */
  readonly isUpgraded?: boolean;
}

/** Sequence ids of one byte: compact writes those as they are. */
const canarySeqid = (id: number): number => id % 100;

function thriftTarget(form: ThriftForm): Target {
  const { name, keys, encoding, envelope, isUpgraded = false } = form;
  const inEnvelope = (seqid: number, of: Node): Node => {
    if (envelope === "buffered") return of;
    if (envelope === "framed") return sized(4, of);
    const isBinary = encoding === "binary";
    return thrift.headerFrame(seqid, [number(1, isBinary ? 0 : 2), number(1, 0)], of);
  };
  const message = (method: string, type: number, seqid: number, body: Node): Node =>
    thrift.message({ encoding, method, type, seqid: thrift.seqidOf(encoding, seqid), body });
  const call = (method: string, text: string, seqid: number): Buffer =>
    render(inEnvelope(seqid, message(method, 1, seqid, thrift.textBody(encoding, text))));
  const reply = (id: number, header: Node): Buffer => {
    const seqid = canarySeqid(id);
    const body = thrift.textBody(encoding, token(id));
    return render(inEnvelope(seqid, group(header, message("web", 2, seqid, body))));
  };
  const responseHeader = isUpgraded ? number(1, 0) : group();
  return {
    name,
    yaml: (ports) => `
- protocol: thrift
  label: ${name}
  thriftMethodInDst: true
  ${keys}
  dtab: ${dtab(ports)}${timeouts(ports)}${form.clientKeys ?? ""}`,
    reads: "plain",
    request(random) {
      const plain = thrift.thriftCall(random, encoding);
      if (!isUpgraded) return thrift.enveloped(random, envelope, encoding, plain);
      const upgrade = random() < 0.5 ? [thrift.upgradeCall()] : [];
      return group(...upgrade, sized(4, thrift.ttwitterHeader(random), plain));
    },
    call: (text, seqid) => call("evil", text, seqid),
    response(random, seqid) {
      const of = thrift.thriftResponse(random, encoding, thrift.seqidOf(encoding, seqid));
      if (isUpgraded) return sized(4, number(1, 0), of);
      return random() < 0.5
        ? inEnvelope(seqid, of)
        : thrift.enveloped(random, envelope, encoding, of);
    },
    canary: {
      call: (id) => call("web", token(id), canarySeqid(id)),
      response: (id) => reply(id, responseHeader),
      problem: (received, id) => sameAs(reply(id, group()), received),
    },
  };
}

function sameAs(expected: Buffer, received: Buffer): string | null {
  const isWhole = received.length >= expected.length;
  if (!isWhole && expected.subarray(0, received.length).equals(received)) return null;
  return received.equals(expected) ? "" : received.toString("hex").slice(0, 2_000);
}

/** Mux, with payloads of any form. */
function muxTarget(
  name: string,
  yaml: (ports: EndpointPorts) => string,
  payload: (random: Random) => Node,
  payloadOf: (method: string, text: string, seqid: number, type: number) => Buffer,
): Target {
  const dispatch = (tag: number, method: string, of: Buffer): Buffer =>
    render(
      sized(
        4,
        number(1, 2),
        number(3, tag),
        number(2, 0),
        sized(2, bytes(`/${method}`)),
        number(2, 0),
        bytes(of),
      ),
    );
  const response = (id: number) => payloadOf("web", token(id), canarySeqid(id), 2);
  const tagOf = (id: number) => 2 + (id % 1_000);
  return {
    name,
    yaml,
    reads: "mux",
    request: (random) => muxRequest(random, payload(random)),
    call: (text, seqid) => dispatch(2, "evil", payloadOf("evil", text, seqid, 1)),
    response: (random, seqid) => {
      const good = bytes(payloadOf("evil", "well", seqid, 2));
      return muxResponse(random, random() < 0.5 ? good : payload(random));
    },
    canary: {
      call: (id) => dispatch(tagOf(id), "web", payloadOf("web", token(id), canarySeqid(id), 1)),
      response,
      problem(received, id) {
        if (received.length < 4 || received.length < 4 + received.readInt32BE(0)) return null;
        const isRight =
          received.readInt8(4) === -2 &&
          received.readUIntBE(5, 3) === tagOf(id) &&
          received[8] === 0 &&
          received.subarray(-response(id).length).equals(response(id));
        return isRight ? "" : received.toString("hex").slice(0, 2_000);
      },
    },
  };
}

const thriftPayload = (method: string, text: string, seqid: number, type: number): Buffer =>
  render(
    thrift.message({
      encoding: "binary",
      method,
      type,
      seqid: number(4, seqid),
      body: thrift.textBody("binary", text),
    }),
  );

export const targets: readonly Target[] = [
  httpTarget(
    "http",
    `errorDetail: full
  tracePropagator: { kind: io.l5d.formats, read: [w3c, b3, l5d], write: [w3c, b3multi, l5d] }
  servers: [{ port: 0 }]`,
    httpCanary,
    named,
  ),
  ...["header", "methodAndHost", "path"].map((kind, at) =>
    httpTarget(
      `http-${kind}`,
      `identifier: { kind: io.l5d.${kind} }
  errorDetail: ${at === 0 ? "full" : "none"}
  servers: [{ port: 0, clearContext: ${at % 2 === 0} }]`,
      null,
      everythingToEvil,
    ),
  ),
  thriftTarget({
    name: "thrift",
    keys: "servers: [{ port: 0 }]",
    encoding: "binary",
    envelope: "framed",
  }),
  thriftTarget({
    name: "thrift-buffered",
    keys: "servers: [{ port: 0, thriftFramed: false }]",
    clientKeys: "\n    - { prefix: /, thriftFramed: false }",
    encoding: "binary",
    envelope: "buffered",
  }),
  thriftTarget({
    name: "thrift-compact",
    keys: "thriftProtocol: compact\n  servers: [{ port: 0 }]",
    encoding: "compact",
    envelope: "framed",
  }),
  thriftTarget({
    name: "thrift-header",
    keys: "thriftTransport: header\n  servers: [{ port: 0 }]",
    encoding: "binary",
    envelope: "header",
  }),
  thriftTarget({
    name: "thrift-ttwitter",
    keys: "servers: [{ port: 0 }]",
    clientKeys: "\n    - { prefix: /, attemptTTwitterUpgrade: true }",
    encoding: "binary",
    envelope: "framed",
    isUpgraded: true,
  }),
  muxTarget(
    "mux",
    (ports) => `
- protocol: mux
  label: mux
  servers: [{ port: 0 }]
  dtab: ${dtab(ports)}${timeouts(ports)}`,
    () => bytes("payload"),
    (_, text) => Buffer.from(text),
  ),
  muxTarget(
    "thriftmux",
    (ports) => `
- protocol: thriftmux
  label: thriftmux
  servers: [{ port: 0 }]
  thriftMethodInDst: true
  dtab: ${dtab(ports)}${timeouts(ports)}
    - { prefix: /, thriftMux: true }`,
    (random) => thrift.thriftCall(random, "binary"),
    thriftPayload,
  ),
  admin,
];
