// Callers that have come to the wrong port: each learns why in its own protocol, and the log says so.
import assert from "node:assert/strict";
import { test } from "node:test";
import { connect as connectTls } from "node:tls";
import { dispatchBody, frameBytes, initBody } from "../../demo/mux/message.ts";
import { startProxy } from "../support/proxy.ts";
import { rawCaller } from "../support/raw.ts";
import { binary, compact, framed, read } from "../support/thrift-bytes.ts";

const routers = `
routers:
- { protocol: http, dtab: "/svc => /$/fail", servers: [{ port: 0 }] }
- { protocol: thrift, dtab: "/svc => /$/fail", servers: [{ port: 0 }] }
- { protocol: mux, dtab: "/svc => /$/fail", servers: [{ port: 0 }] }
- { protocol: thriftmux, dtab: "/svc => /$/fail", servers: [{ port: 0 }] }
`;

interface WrongCaller {
  readonly name: string;
  readonly bytes: Buffer | string;
  /** In the log and in the reply. */
  readonly speaks: RegExp;
  /** Fails unless the reply is one that such a caller understands; null: it gets none. */
  readonly check: ((reply: Buffer) => void) | null;
}

const message = binary({ method: "get", seqid: 7 });

const isHttp = (reply: Buffer) =>
  assert.match(
    reply.toString(),
    /^HTTP\/1\.1 400 Bad Request\r\n.*\r\n\r\nthe caller speaks HTTP/s,
  );

const isException = (reply: Buffer) => {
  const { type, method, seqid, body } = read(reply.subarray(4));
  assert.equal(reply.readInt32BE(0), reply.length - 4);
  assert.deepEqual([type, method, seqid], [3, "get", 7]);
  assert.match(body.toString("latin1"), /the caller speaks Thrift/);
};

const isRerr = (tag: number) => (reply: Buffer) => {
  assert.equal(reply.readInt32BE(0), reply.length - 4);
  assert.deepEqual([reply.readInt8(4), reply.readUIntBE(5, 3)], [-128, tag]);
  assert.match(reply.toString("latin1", 8), /the caller speaks mux/);
};

const http: WrongCaller = {
  name: "HTTP",
  bytes: "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
  speaks: /speaks HTTP,/,
  check: isHttp,
};
const http2: WrongCaller = {
  name: "HTTP/2",
  bytes: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  speaks: /speaks HTTP\/2/,
  check: isHttp,
};
const thriftCaller: WrongCaller = {
  name: "Thrift",
  bytes: framed(message),
  speaks: /speaks Thrift,/,
  check: isException,
};
const unframed: WrongCaller = {
  name: "Thrift without frames",
  bytes: message,
  speaks: /speaks Thrift,/,
  check: (reply) => isException(framed(reply)),
};
const compactCaller: WrongCaller = {
  name: "Thrift in the compact protocol",
  bytes: framed(compact({ method: "get", seqid: 7 })),
  speaks: /speaks Thrift,/,
  check(reply) {
    assert.equal(reply.toString("hex", 4, 11), "82610703676574");
    assert.match(reply.toString("latin1"), /the caller speaks Thrift/);
  },
};
const oneway: WrongCaller = {
  name: "a one-way Thrift call",
  bytes: framed(binary({ method: "note", type: 4 })),
  speaks: /speaks Thrift,/,
  check: null,
};
const muxCaller: WrongCaller = {
  name: "mux",
  bytes: frameBytes(2, 9, dispatchBody({ payload: message })),
  speaks: /speaks mux,/,
  check: isRerr(9),
};
const handshake: WrongCaller = {
  name: "a mux handshake",
  bytes: frameBytes(68, 1, initBody(65_536)),
  speaks: /speaks mux,/,
  check: isRerr(1),
};

const wrong: readonly (readonly [port: string, ours: RegExp, callers: readonly WrongCaller[]])[] = [
  [
    "http",
    /this port speaks HTTP:/,
    [thriftCaller, unframed, compactCaller, oneway, muxCaller, handshake],
  ],
  ["thrift", /this port speaks Thrift:/, [http, http2, muxCaller, handshake]],
  ["mux", /this port speaks mux:/, [http, http2, thriftCaller, compactCaller, oneway]],
  ["thriftmux", /this port speaks mux and Thrift:/, [http, http2]],
];

for (const [port, ours, callers] of wrong) {
  for (const { name, bytes, speaks, check } of callers) {
    test(`${name} on a port of ${port}: the caller and the log learn what is wrong`, async (t) => {
      const proxy = await startProxy(t, routers);
      const caller = rawCaller(t, proxy.portOf(port));
      caller.send(typeof bytes === "string" ? Buffer.from(bytes) : bytes);
      const reply = Buffer.from(await caller.rest(), "latin1");
      if (check === null) assert.equal(reply.length, 0);
      else {
        check(reply);
        assert.match(reply.toString("latin1"), ours);
      }
      caller.end();
      await caller.closed();
      const [line, ...others] = proxy.events.filter(({ event }) => event === "wrong protocol");
      assert.equal(others.length, 0);
      assert.match(String(line?.["problem"]), speaks);
      assert.match(String(line?.["problem"]), ours);
      assert.equal(line?.["server"], `127.0.0.1:${proxy.portOf(port)}`);
      assert.match(String(line?.["caller"]), /^127\.0\.0\.1:\d+$/);
    });
  }
}

for (const port of ["http", "thrift", "mux", "thriftmux"]) {
  test(`TLS on a port of ${port}: the handshake fails immediately, and the log says so`, async (t) => {
    const proxy = await startProxy(t, routers);
    const socket = connectTls({ port: proxy.portOf(port), host: "127.0.0.1" });
    const error = await new Promise<NodeJS.ErrnoException>((resolve) =>
      socket.on("error", resolve),
    );
    // An HTTP response, as from any server, or an alert.
    const expected = port === "http" ? /WRONG_VERSION_NUMBER/ : /HANDSHAKE_FAILURE/;
    assert.match(String(error.code), expected);
    socket.destroy();
    const lines = proxy.events.filter(({ event }) => event === "wrong protocol");
    assert.equal(lines.length, 1);
    assert.match(String(lines[0]?.["problem"]), /speaks TLS, and this port speaks .* without TLS/);
  });
}

test("callers at the right port are served, however their first bytes are cut", async (t) => {
  const proxy = await startProxy(t, routers);
  const right = [
    ["http", Buffer.from(String(http.bytes)), /^HTTP\/1\.1$/],
    ["thrift", framed(message), /^....\x80\x01\0\x03$/s],
    ["mux", frameBytes(65, 1), /^....\xbf\0\0\x01$/s],
    ["thriftmux", frameBytes(65, 1), /^....\xbf\0\0\x01$/s],
    ["thriftmux", framed(message), /^....\x80\x01\0\x03$/s],
  ] as const;
  for (const [port, bytes, reply] of right) {
    for (let cut = 0; cut < 10 && cut < bytes.length; cut++) {
      const caller = rawCaller(t, proxy.portOf(port));
      caller.send(bytes.subarray(0, cut));
      caller.send(bytes.subarray(cut));
      assert.match(await caller.bytes(8), reply, `${port} cut at ${cut}`);
      caller.socket.destroy();
    }
  }
  assert.equal(proxy.events.filter(({ event }) => event === "wrong protocol").length, 0);
});
