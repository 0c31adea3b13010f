// Opportunistic TLS with real Finagle clients and servers on either side.
import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { filesYaml, testAuthority } from "../support/certificates.ts";
import type { TestAuthority } from "../support/certificates.ts";
import { finagle } from "../support/finagle.ts";
import { hasPeer } from "../support/peers.ts";
import { startProxy } from "../support/proxy.ts";
import { binary, read, textResult } from "../support/thrift-bytes.ts";

type Level = "off" | "desired" | "required";

/** What a Finagle peer presents and trusts. Java reads keys in PKCS#8. */
function peer(authority: TestAuthority, name: string, level: Level) {
  const { certPath, keyPath } = authority.issue(name);
  const key = createPrivateKey(readFileSync(keyPath));
  const file = `${name}.pk8`;
  authority.write(file, key.export({ type: "pkcs8", format: "pem" }).toString());
  return { level, certPath, keyPath: `${authority.folder}/${file}`, caPath: authority.caPath };
}

const ping = { payload: binary({ method: "ping" }) };
const pong = { payload: binary({ method: "ping", type: 2, body: textResult("pong") }) };

interface Levels {
  /** Of the Finagle client, and of the proxy's server. */
  readonly caller: readonly [Level, Level];
  /** Of the proxy's client, and of the Finagle server. */
  readonly endpoint: readonly [Level, Level];
}

/** A Finagle client, the proxy and a Finagle server. null: there is no Finagle. */
async function chain(t: TestContext, { caller, endpoint }: Levels) {
  if (!hasPeer(t, "openssl")) return null;
  const java = finagle(t);
  if (java === null) return null;
  const authority = testAuthority(t);
  const own = filesYaml(authority.issue("proxy.test"));
  const server = await java.serve("thriftmux", { tls: peer(authority, "users.test", endpoint[1]) });
  const proxy = await startProxy(
    t,
    `
    routers:
    - protocol: thriftmux
      dtab: /svc => /$/inet/127.0.0.1/${server.port}
      servers:
      - port: 0
        opportunisticTls: ${caller[1]}
        tls: { ${own}, caCertPath: ${authority.caPath}, requireClientAuth: true }
      client:
        thriftMux: true
        opportunisticTls: ${endpoint[0]}
        tls:
          ${endpoint[0] === "off" ? "enabled: false" : ""}
          commonName: users.test
          trustCertsBundle: ${authority.caPath}
          clientAuth: { ${own} }`,
  );
  const tls = { ...peer(authority, "web.test", caller[0]), hostname: "proxy.test" };
  const client = await java.connect("thriftmux", proxy.port, { tls });
  const at = `rt/thriftmux/server/127.0.0.1/${proxy.port}`;
  return { server, client, proxy, handshakes: () => proxy.metric(`${at}/tls/handshakes`) };
}

const secure: readonly Levels[] = [
  { caller: ["desired", "desired"], endpoint: ["desired", "desired"] },
  { caller: ["required", "desired"], endpoint: ["desired", "required"] },
  { caller: ["desired", "required"], endpoint: ["required", "desired"] },
];
for (const levels of secure) {
  const shown = `${levels.caller.join(" to ")}, then ${levels.endpoint.join(" to ")}`;
  test(`Finagle on both sides agrees on TLS with the proxy: ${shown}`, async (t) => {
    const made = await chain(t, levels);
    if (made === null) return;
    const pending = made.client.begin(ping);
    const call = await made.server.next();
    assert.deepEqual(call.payload, ping.payload);
    call.answer(pong);
    assert.deepEqual((await pending.result).payload, pong.payload);
    assert.equal(await made.handshakes(), 1);
    assert.equal(await made.client.counter("peer/mux/tls/upgrade/success"), 1);
    const long = { payload: binary({ method: "blob", body: Buffer.alloc(500_000, 7) }) };
    const longer = made.client.begin(long);
    const taken = await made.server.next();
    taken.answer({ payload: binary({ ...read(taken.payload), type: 2 }) });
    assert.equal((await longer.result).payload.length, long.payload.length);
  });
}

test("a side that has TLS off speaks plain text with one that desires it", async (t) => {
  const made = await chain(t, { caller: ["off", "desired"], endpoint: ["desired", "off"] });
  if (made === null) return;
  const pending = made.client.begin(ping);
  (await made.server.next()).answer(pong);
  assert.deepEqual((await pending.result).payload, pong.payload);
  assert.equal(await made.handshakes(), 0);
});

test("a Finagle client with TLS off is refused where it is required, and so is the proxy", async (t) => {
  const strict = await chain(t, { caller: ["off", "required"], endpoint: ["desired", "desired"] });
  if (strict === null) return;
  assert.notEqual((await strict.client.call(ping)).error, undefined);
  const demanding = await chain(t, {
    caller: ["desired", "desired"],
    endpoint: ["required", "off"],
  });
  const { message = "", payload } = (await demanding?.client.call(ping)) ?? {
    payload: ping.payload,
  };
  const { body } = payload.length > 0 ? read(payload) : { body: Buffer.from(message) };
  assert.match(body.toString("latin1"), /TLS/);
});
