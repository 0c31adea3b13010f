// Finagle's opportunistic TLS: mux and ThriftMux begin in plain text, and agree on TLS in their handshake.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { filesYaml, testAuthority } from "../support/certificates.ts";
import { muxClient, muxService } from "../support/mux-peer.ts";
import { hasPeer } from "../support/peers.ts";
import { startProxy } from "../support/proxy.ts";
import { rawCaller } from "../support/raw.ts";
import { deadPort } from "../support/service.ts";
import { echoClient, echoServer } from "../support/thrift.ts";

const levels = ["off", "desired", "required"] as const;
type Level = (typeof levels)[number];

interface Setting {
  readonly protocol: "mux" | "thriftmux";
  readonly servicePort: number;
  readonly caller: Level;
  readonly server: Level;
  readonly commonName?: string;
}

/** An outgoing and an incoming router; `off`: without any TLS. */
async function sidecars(t: TestContext, setting: Setting) {
  const { protocol, servicePort, caller, server, commonName = "users.test" } = setting;
  const authority = testAuthority(t);
  const [own, client] = [authority.issue("users.test"), authority.issue("caller.test")];
  const port = await deadPort();
  const serverTls = `opportunisticTls: ${server}, tls: { ${filesYaml(own)}, caCertPath: ${authority.caPath}, requireClientAuth: true }`;
  const clientTls = `opportunisticTls: ${caller}, tls: { commonName: ${commonName}, trustCertsBundle: ${authority.caPath}, clientAuth: { ${filesYaml(client)} } }`;
  const mux = protocol === "thriftmux" ? "thriftMux: true, " : "";
  const proxy = await startProxy(
    t,
    `
routers:
- protocol: ${protocol}
  label: outgoing
  dtab: /svc => /$/inet/127.0.0.1/${port} ;
  servers: [{ port: 0 }]
  client: { ${mux}${caller === "off" ? "" : clientTls} }
- protocol: ${protocol}
  label: incoming
  dtab: /svc => /$/inet/127.0.0.1/${servicePort} ;
  servers: [{ port: ${port}, ${server === "off" ? "" : serverTls} }]
`,
  );
  const secured = () => proxy.metric(`rt/incoming/server/127.0.0.1/${port}/tls/handshakes`);
  return { proxy, secured, port };
}

const isSecure = (caller: Level, server: Level) => caller !== "off" && server !== "off";
const isImpossible = (caller: Level, server: Level) =>
  !isSecure(caller, server) && (caller === "required" || server === "required");

for (const caller of levels) {
  for (const server of levels) {
    const what = isImpossible(caller, server)
      ? "fail"
      : isSecure(caller, server)
        ? "use TLS"
        : "use plain text";
    test(`mux: ${caller} to ${server}: calls ${what}`, async (t) => {
      if (!hasPeer(t, "openssl")) return;
      const users = await muxService(t, "hello ");
      const { proxy, secured } = await sidecars(t, {
        protocol: "mux",
        servicePort: users.port,
        caller,
        server,
      });
      const client = await muxClient(t, proxy.port);
      if (isImpossible(caller, server)) {
        const { status, text } = await client.dispatch({ payload: "x" });
        assert.notEqual(status, 0);
        assert.match(text, /TLS/);
        return;
      }
      const calls = Array.from({ length: 50 }, (_, i) => client.dispatch({ payload: `${i}` }));
      const texts = (await Promise.all(calls)).map(({ text }) => text);
      assert.deepEqual(
        texts,
        calls.map((_, i) => `hello ${i}`),
      );
      const long = "z".repeat(1_000_000);
      assert.equal((await client.dispatch({ payload: long })).text, `hello ${long}`);
      assert.equal(await secured(), isSecure(caller, server) ? 1 : 0);
    });
  }
}

test("thriftmux: both sides agree on TLS, and the caller is known by its certificate", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const users = await echoServer(t);
  const { proxy, secured } = await sidecars(t, {
    protocol: "thriftmux",
    servicePort: users.port,
    caller: "desired",
    server: "required",
  });
  assert.equal(await echoClient(t, proxy.port).echo("hello"), "hello");
  assert.equal(await secured(), 1);
});

test("an endpoint with the wrong certificate gets no call, and the failure says why", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const users = await muxService(t, "hello ");
  const { proxy } = await sidecars(t, {
    protocol: "mux",
    servicePort: users.port,
    caller: "desired",
    server: "desired",
    commonName: "orders.test",
  });
  const client = await muxClient(t, proxy.port);
  const { status, text } = await client.dispatch({ payload: "x" });
  assert.notEqual(status, 0);
  assert.match(text, /for DNS:users\.test.*does not name orders\.test/);
  assert.equal(users.calls.length, 0);
});

const rerrCheck = Buffer.from("0000000f7f00000174696e697420636865636b", "hex");
/** With the header `tls` alone. */
function tinit(level: string, behind = ""): Buffer {
  const text = (value: string) =>
    value.length.toString(16).padStart(8, "0") + Buffer.from(value).toString("hex");
  const message = `44000001${"0001"}${text("tls")}${text(level)}`;
  const size = (message.length / 2).toString(16).padStart(8, "0");
  return Buffer.from(size + message + behind, "hex");
}
const tping = "0000000441000001";

async function opportunisticServer(t: TestContext, protocol: Setting["protocol"], server: Level) {
  const users = await muxService(t, "hello ");
  return sidecars(t, { protocol, servicePort: users.port, caller: "off", server });
}

test("plain text behind a Tinit that starts TLS ends the connection: it may be somebody else's", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const { port } = await opportunisticServer(t, "mux", "desired");
  for (const behind of [tping, tping.slice(0, 6)]) {
    const caller = rawCaller(t, port);
    caller.send(rerrCheck);
    await caller.until("tinit check");
    caller.send(tinit("desired", behind));
    await caller.rest();
  }
});

test("where TLS is required, plain calls and plain Thrift are not taken", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const { port } = await opportunisticServer(t, "thriftmux", "required");
  const treq = Buffer.from("00000006010000020078", "hex");
  const thrift = Buffer.from("0000001180010001000000046563686f0000000000", "hex");
  for (const plain of [treq, thrift]) {
    const caller = rawCaller(t, port);
    caller.send(plain);
    await caller.rest();
  }
});

test("a handshake that never comes is bounded by handshakeTimeoutMs", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const authority = testAuthority(t);
  const { port } = await startProxy(
    t,
    `
routers:
- protocol: mux
  servers:
  - port: 0
    opportunisticTls: desired
    tls: { ${filesYaml(authority.issue("users.test"))}, handshakeTimeoutMs: 50 }
`,
  );
  const caller = rawCaller(t, port);
  caller.send(rerrCheck);
  await caller.until("tinit check");
  caller.send(tinit("required"));
  await caller.rest();
});
