import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { fileDiscovery } from "../../demo/discovery.ts";
import { sidecarYaml } from "../../demo/sidecar-yaml.ts";

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), "switchyard-test-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test("a name's file lists the incoming ports of those who announced themselves", async (t) => {
  const folder = folderOf(t);
  const discovery = fileDiscovery(folder);
  const read = () => readFileSync(path.join(folder, "disco", "rates"), "utf8");

  await discovery.announce("rates", { host: "127.0.0.1", port: 4002 });
  await discovery.announce("rates", { host: "127.0.0.1", port: 4001 });
  await discovery.announce("rates", { host: "127.0.0.1", port: 4001 });
  assert.equal(read(), "127.0.0.1 4001\n127.0.0.1 4002\n");

  await discovery.withdraw("rates", { host: "127.0.0.1", port: 4002 });
  await discovery.withdraw("rates", { host: "127.0.0.1", port: 4001 });
  assert.equal(read(), "# no instance of rates is running\n"); // no addresses: not the same as no name
  assert.deepEqual(readdirSync(path.join(folder, "disco")), ["rates"]);
});

const ports = {
  http: { service: 7000, incoming: 7001, outgoing: 7002 },
  thrift: { service: 7010, incoming: 7011, outgoing: 7012 },
  mux: { service: 7020, incoming: 7021, outgoing: 7022 },
  admin: 7003,
};

test("a sidecar's file sends what comes in to its service, and what goes out to discovery", (t) => {
  const discovery = fileDiscovery(folderOf(t));
  const offers = [{ name: "converter", protocol: "http" }] as const;
  const yaml = sidecarYaml("converter", offers, ports, discovery, null);
  assert.match(yaml, /label: incoming\n +servers:\n +- port: 7001\n[^]*\/\$\/inet\/127\.1\/7000/);
  assert.match(yaml, /label: outgoing\n +servers:\n +- port: 7002\n[^]*\/svc => \/#\/io\.l5d\.fs/);
  assert.match(yaml, /label: outgoing-thrift\n +servers:\n +- port: 7012\n/);
  assert.doesNotMatch(yaml, /incoming-/); // converter is called over HTTP alone
});

test("a service that speaks two protocols has an incoming router for each", (t) => {
  const discovery = fileDiscovery(folderOf(t));
  const offers = [
    { name: "rates", protocol: "http" },
    { name: "rates-thrift", protocol: "thrift" },
  ] as const;
  const yaml = sidecarYaml("rates-1", offers, ports, discovery, null);
  const thrift =
    /protocol: thrift\n +label: incoming-thrift\n +servers:\n +- port: 7011\n[^]*\/7010 ;/;
  assert.match(yaml, thrift);
});
