// python3-thrift as client and as server through the whole proxy.
import assert from "node:assert/strict";
import { test } from "node:test";
import { pythonWith } from "../support/peers.ts";
import { startProxy } from "../support/proxy.ts";
import { pythonEchoClient, pythonEchoServer } from "../support/python-thrift.ts";
import { discovery } from "../support/discovery.ts";
import { echoServer, framedBinary } from "../support/thrift.ts";

const allSeen = {
  echo: "grüße",
  ping: null,
  find: "found it",
  missing: "missing",
  blob: 100_000,
  tree: true,
  notes: ["seen"],
};

const speeches = (["framed", "buffered", "header"] as const).flatMap((transport) =>
  (["binary", "compact"] as const).map((protocol) => ({ transport, protocol })),
);

for (const wireFormat of speeches) {
  const { transport, protocol } = wireFormat;
  test(`python calls python through the proxy, ${transport} ${protocol}`, async (t) => {
    const python = pythonWith(t, "thrift");
    if (python === null) return;
    const port = await pythonEchoServer(t, python, wireFormat);
    const framed = `thriftFramed: ${transport !== "buffered"}`;
    const proxy = await startProxy(
      t,
      `
      routers:
      - protocol: thrift
        thriftProtocol: ${protocol}
        thriftTransport: ${transport === "header" ? "header" : "framed"}
        dtab: /svc => /$/inet/127.0.0.1/${port}
        servers: [{ port: 0, ${framed} }]
        client: { ${framed} }`,
    );
    assert.deepEqual(await pythonEchoClient(t, python, wireFormat, proxy.port), allSeen);
    assert.equal(await proxy.metric("rt/thrift/server/127.0.0.1/0/failures"), 0);
  });
}

test("python calls a multiplexed service of npm thrift by its name", async (t) => {
  const python = pythonWith(t, "thrift");
  if (python === null) return;
  const echo = await echoServer(t, framedBinary, "Echo");
  const disco = discovery(t, { Echo: [echo.port] });
  const proxy = await startProxy(
    t,
    `
    namers: [{ kind: io.l5d.fs, rootDir: ${disco.rootDir} }]
    routers:
    - protocol: thrift
      dtab: /svc => /#/io.l5d.fs
      servers: [{ port: 0 }]`,
  );
  const wireFormat = { transport: "framed", protocol: "binary" } as const;
  assert.deepEqual(await pythonEchoClient(t, python, wireFormat, proxy.port, "Echo"), allSeen);
  const { exception } = await pythonEchoClient(t, python, wireFormat, proxy.port, "Nobody");
  assert.equal(exception?.type, 1);
  assert.match(exception.message, /^no route for "Nobody:echo" \(\/svc\/Nobody\)/);
});

test("a THeader of python names the service that gets the call, headers and all", async (t) => {
  const python = pythonWith(t, "thrift");
  if (python === null) return;
  const wireFormat = { transport: "header", protocol: "compact" } as const;
  const disco = discovery(t, { echo: [await pythonEchoServer(t, python, wireFormat)] });
  const proxy = await startProxy(
    t,
    `
    namers: [{ kind: io.l5d.fs, rootDir: ${disco.rootDir} }]
    routers:
    - protocol: thrift
      thriftProtocol: compact
      thriftTransport: header
      identifier: { kind: io.l5d.thrift.header, header: service }
      dtab: /svc => /#/io.l5d.fs
      servers: [{ port: 0 }]`,
  );
  const seen = await pythonEchoClient(t, python, wireFormat, proxy.port, "echo");
  assert.deepEqual(seen, allSeen);
  const missing = await pythonEchoClient(t, python, wireFormat, proxy.port, "/nobody");
  assert.match(missing.exception?.message ?? "", /^no route for "echo" \(\/svc\/nobody\)/);
  const without = await pythonEchoClient(t, python, wireFormat, proxy.port);
  assert.match(without.exception?.message ?? "", /the call has no header service/);
});

test("python reads an injected fault in the THeader of a response", async (t) => {
  const python = pythonWith(t, "thrift");
  if (python === null) return;
  const wireFormat = { transport: "header", protocol: "binary" } as const;
  const port = await pythonEchoServer(t, python, wireFormat);
  const proxy = await startProxy(
    t,
    `
    routers:
    - protocol: thrift
      thriftTransport: header
      dtab: /svc => /$/inet/127.0.0.1/${port}
      servers: [{ port: 0 }]
      client: { faults: { enabled: true, delayMs: 3, delayPercent: 100 } }`,
  );
  const seen = await pythonEchoClient(t, python, wireFormat, proxy.port);
  assert.deepEqual(seen, { ...allSeen, fault: "delay 3" });
});
