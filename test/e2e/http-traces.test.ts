// Every format of an HTTP trace to every other: ids, parent and decision, as `tracePropagator` says.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { startProxy } from "../support/proxy.ts";
import { rawCaller, rawEndpoint } from "../support/raw.ts";

interface Trace {
  /** 16 or 32 hexadecimal digits. */
  readonly trace: string;
  readonly span: string;
  /** null: the format does not carry it. */
  readonly parent: string | null;
  /** null: undecided. */
  readonly sampled: boolean | null;
  readonly isDebug: boolean;
}

interface Format {
  /** The header lines of a caller's span; null: the format cannot say that. */
  write(trace: Trace): string | null;
  /** What an endpoint reads. */
  read(field: (name: string) => string | null): Trace;
  readonly hasDebug: boolean;
  readonly hasUndecided: boolean;
}

const flagsOf = ({ sampled, isDebug }: Trace): bigint =>
  (isDebug ? 1n : 0n) | (sampled === null ? 0n : sampled ? 6n : 2n);

const known = (value: string | null): string => {
  assert.ok(value !== null, "the endpoint got no trace");
  return value;
};

const bit = (text: string | null): boolean | null => (text === null ? null : text === "1");

const formats: Readonly<Record<string, Format>> = {
  l5d: {
    hasDebug: true,
    hasUndecided: true,
    write(sent) {
      const longs = [sent.span, sent.parent ?? sent.span, sent.trace.slice(-16)];
      const flags = flagsOf(sent).toString(16).padStart(16, "0");
      const text = [...longs, flags, sent.trace.slice(0, -16)].join("");
      return `l5d-ctx-trace: ${Buffer.from(text, "hex").toString("base64")}\r\n`;
    },
    read(field) {
      const bytes = Buffer.from(known(field("l5d-ctx-trace")), "base64");
      const part = (i: number) => bytes.toString("hex", 8 * i, 8 * i + 8);
      const flags = bytes.readBigUInt64BE(24);
      const isDebug = (flags & 1n) !== 0n;
      const sampled = isDebug || ((flags & 2n) === 0n ? null : (flags & 4n) !== 0n);
      return { trace: part(4) + part(2), span: part(0), parent: part(1), sampled, isDebug };
    },
  },
  b3: {
    hasDebug: true,
    hasUndecided: true,
    write({ trace, span, parent, sampled, isDebug }) {
      if (sampled === null && !isDebug) return `b3: ${trace}-${span}\r\n`;
      return `b3: ${trace}-${span}-${isDebug ? "d" : sampled ? "1" : "0"}-${parent}\r\n`;
    },
    read(field) {
      const [trace = "", span = "", state = null, parent = null] = known(field("b3")).split("-");
      const isDebug = state === "d";
      return { trace, span, parent, sampled: isDebug ? true : bit(state), isDebug };
    },
  },
  b3multi: {
    hasDebug: true,
    hasUndecided: true,
    write({ trace, span, parent, sampled, isDebug }) {
      const ids = `X-B3-TraceId: ${trace}\r\nX-B3-SpanId: ${span}\r\nX-B3-ParentSpanId: ${parent}\r\n`;
      if (isDebug) return `${ids}X-B3-Flags: 1\r\n`;
      return sampled === null ? ids : `${ids}X-B3-Sampled: ${sampled ? 1 : 0}\r\n`;
    },
    read: (field) => ({
      trace: known(field("x-b3-traceid")),
      span: known(field("x-b3-spanid")),
      parent: field("x-b3-parentspanid"),
      sampled: bit(field("x-b3-sampled")),
      isDebug: field("x-b3-flags") === "1",
    }),
  },
  w3c: {
    hasDebug: false,
    hasUndecided: false,
    write({ trace, span, sampled, isDebug }) {
      if (sampled === null || isDebug) return null;
      return `traceparent: 00-${trace.padStart(32, "0")}-${span}-0${sampled ? 1 : 0}\r\n`;
    },
    read(field) {
      const [, trace = "", span = "", flags = ""] = known(field("traceparent")).split("-");
      return { trace, span, parent: null, sampled: flags === "01", isDebug: false };
    },
  },
};

const traces: readonly Trace[] = ["", "4bf92f3577b34da6"].flatMap((high) =>
  [null, true, false].flatMap((sampled) =>
    [false, true].map((isDebug) => ({
      trace: `${high}a3ce929d0e0e4736`,
      span: "f067aa0ba902b701",
      parent: "00f067aa0ba902b7",
      sampled,
      isDebug,
    })),
  ),
);

async function echo(t: TestContext) {
  const heads: string[] = [];
  const { port } = await rawEndpoint(t, (peer) => {
    peer.socket.on("data", (head: Buffer) => {
      heads.push(head.toString("latin1"));
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    });
  });
  const field = (name: string): string | null =>
    new RegExp(`^${name}: (.*)\\r$`, "im").exec(heads.at(-1) ?? "")?.[1] ?? null;
  return { port, heads, field };
}

for (const [from, sender] of Object.entries(formats)) {
  for (const [to, receiver] of Object.entries(formats)) {
    test(`a trace in ${from} arrives in ${to}: ids and decision`, async (t) => {
      const endpoint = await echo(t);
      const proxy = await startProxy(
        t,
        `
routers:
- protocol: http
  dtab: /svc => /$/inet/127.1/${endpoint.port} ;
  tracePropagator: { kind: io.l5d.formats, read: [${from}], write: [${to}] }
  servers: [{ port: 0 }]
`,
      );
      const caller = rawCaller(t, proxy.port);
      for (const sent of traces) {
        const lines = sender.write(sent);
        if (lines === null) continue;
        caller.send(`GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`);
        await caller.message();
        const got = receiver.read(endpoint.field);
        assert.equal(got.trace.padStart(32, "0"), sent.trace.padStart(32, "0"));
        assert.match(got.span, /^[0-9a-f]{16}$/);
        assert.ok(![sent.span, sent.parent].includes(got.span), "an attempt is a span of its own");
        assert.notEqual(got.parent, sent.parent, "the server's span is in between");
        const sampled = sent.isDebug ? true : sent.sampled;
        const expected = receiver.hasUndecided ? sampled : sampled === true;
        assert.equal(got.sampled, expected);
        assert.equal(got.isDebug, receiver.hasDebug && sent.isDebug);
      }
      caller.socket.destroy();
    });
  }
}

test("two proxies: the second's parent is the span that the first one sent", async (t) => {
  const endpoint = await echo(t);
  const router = (port: number) => `
routers:
- protocol: http
  dtab: /svc => /$/inet/127.1/${port} ;
  tracePropagator: { kind: io.l5d.formats, read: [b3], write: [b3, w3c] }
  servers: [{ port: 0 }]
`;
  const second = await startProxy(t, router(endpoint.port));
  const first = await startProxy(t, router(second.port));
  const caller = rawCaller(t, first.port);
  const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  caller.send(`GET / HTTP/1.1\r\nHost: a\r\nb3: ${trace}-f067aa0ba902b701-1\r\n\r\n`);
  await caller.message();
  assert.match(endpoint.field("b3") ?? "", new RegExp(`^${trace}-[0-9a-f]{16}-1-[0-9a-f]{16}$`));
  assert.match(endpoint.field("traceparent") ?? "", new RegExp(`^00-${trace}-[0-9a-f]{16}-01$`));
  caller.socket.destroy();
});

test("hostile trace headers never fail a call, are counted, and do not reach the endpoint", async (t) => {
  const endpoint = await echo(t);
  const proxy = await startProxy(
    t,
    `
routers:
- protocol: http
  dtab: /svc => /$/inet/127.1/${endpoint.port} ;
  tracePropagator: { kind: io.l5d.formats, read: [w3c, b3, l5d], write: [w3c, b3, l5d] }
  servers: [{ port: 0 }]
`,
  );
  const hostile = [
    "traceparent: \r\n",
    `traceparent: 00-${"f".repeat(4000)}\r\n`,
    `b3: ${"-".repeat(4000)}\r\n`,
    `x-b3-traceid: ${"0".repeat(32)}\r\nx-b3-spanid: 1\r\n`,
    "l5d-ctx-trace: ////\r\n",
    "b3: a-b-c\r\n".repeat(50),
  ];
  const caller = rawCaller(t, proxy.port);
  for (const lines of hostile) {
    caller.send(`GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`);
    assert.match(await caller.message(), /^HTTP\/1\.1 200 /);
    assert.match(endpoint.field("traceparent") ?? "", /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    assert.match(endpoint.field("b3") ?? "", /^[0-9a-f]{32}-[0-9a-f]{16}$/);
  }
  assert.equal(await proxy.metric("rt/http/traces/ignored"), hostile.length);
  caller.socket.destroy();
});
