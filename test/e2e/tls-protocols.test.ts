// Mutual TLS from sidecar to sidecar, with each protocol inside.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { filesYaml, testAuthority } from "../support/certificates.ts";
import { hasPeer } from "../support/peers.ts";
import { muxClient, muxService } from "../support/mux-peer.ts";
import { startProxy } from "../support/proxy.ts";
import type { TestProxy } from "../support/proxy.ts";
import { deadPort, service } from "../support/service.ts";
import { echoClient, echoServer } from "../support/thrift.ts";

/** An outgoing and an incoming router, with mutual TLS between them. */
async function sidecars(t: TestContext, protocol: string, servicePort: number) {
  const authority = testAuthority(t);
  const [server, client] = [authority.issue("users.test"), authority.issue("caller.test")];
  const port = await deadPort();
  return startProxy(
    t,
    `
routers:
- protocol: ${protocol}
  label: outgoing
  dtab: /svc => /$/inet/127.0.0.1/${port} ;
  servers: [{ port: 0 }]
  client:
    kind: io.l5d.static
    configs:
    - prefix: /$/inet/{host}/{port}
      tls:
        commonName: users.test
        trustCertsBundle: ${authority.caPath}
        clientAuth: { ${filesYaml(client)} }
- protocol: ${protocol}
  label: incoming
  dtab: /svc => /$/inet/127.0.0.1/${servicePort} ;
  servers:
  - port: ${port}
    tls: { ${filesYaml(server)}, caCertPath: ${authority.caPath}, requireClientAuth: true }
`,
  );
}

/** Each makes a service, calls it through both sidecars, and checks what comes back. */
const stories: Readonly<Record<string, (t: TestContext) => Promise<TestProxy>>> = {
  async http(t) {
    const big = "x".repeat(3_000_000);
    const users = await service(t, (request, response) => {
      let bytes = 0;
      request.on("data", (chunk: Buffer) => (bytes += chunk.length));
      request.on("end", () => response.end(`${bytes} ${big}`));
    });
    const proxy = await sidecars(t, "http", users.port);
    for (const length of [0, 5, 1_000_000]) {
      const response = await fetch(`http://127.0.0.1:${proxy.port}/a`, {
        method: "POST",
        body: "y".repeat(length),
      });
      assert.equal(await response.text(), `${length} ${big}`);
    }
    return proxy;
  },
  async thrift(t) {
    const users = await echoServer(t);
    const proxy = await sidecars(t, "thrift", users.port);
    const client = echoClient(t, proxy.port);
    assert.equal(await client.echo("hello"), "hello");
    const blob = Buffer.alloc(2_000_000, 7);
    assert.deepEqual(await client.blob(blob), blob);
    return proxy;
  },
  async mux(t) {
    const users = await muxService(t, "hello ");
    const proxy = await sidecars(t, "mux", users.port);
    const client = await muxClient(t, proxy.port);
    const calls = Array.from({ length: 200 }, (_, i) => client.dispatch({ payload: `${i}` }));
    const texts = (await Promise.all(calls)).map(({ text }) => text);
    assert.deepEqual(
      texts,
      calls.map((_, i) => `hello ${i}`),
    );
    const long = "z".repeat(1_000_000);
    assert.equal((await client.dispatch({ payload: long })).text, `hello ${long}`);
    return proxy;
  },
  async thriftmux(t) {
    const users = await echoServer(t);
    const proxy = await sidecars(t, "thriftmux", users.port);
    const client = echoClient(t, proxy.port);
    assert.equal(await client.echo("hello"), "hello");
    return proxy;
  },
};

for (const [protocol, story] of Object.entries(stories)) {
  test(`${protocol}: calls pass from sidecar to sidecar through mutual TLS`, async (t) => {
    if (!hasPeer(t, "openssl")) return;
    const proxy = await story(t);
    const port = proxy.portOf("incoming");
    const of = (name: string) => proxy.metric(`rt/incoming/server/127.0.0.1/${port}/tls/${name}`);
    assert.ok((await of("handshakes")) > 0);
    assert.equal(await of("handshake_failures"), 0);
    assert.ok((await of("connections")) > 0);
  });
}
