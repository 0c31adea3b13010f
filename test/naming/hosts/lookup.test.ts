// Lookups against a DNS server of the test: silent, slow, or with a name or two.
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { lookup as systemLookup } from "node:dns";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { combinedLookup, dnsLookup } from "../../../src/naming/hosts/lookup.ts";
import type { HostLookupResult, LookUpHost } from "../../../src/naming/hosts/lookup.ts";
import { realClock } from "../../support/real-clock.ts";

/** The name in a DNS query. */
function nameIn(query: Buffer): string {
  const labels: string[] = [];
  for (let at = 12; query[at] !== undefined && query[at] !== 0;) {
    const length = query.readUInt8(at);
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return labels.join(".");
}

/** With an address: one A record; without: NXDOMAIN. AAAA has none. */
function responseTo(query: Buffer, address: string | null): Buffer {
  const end = query.indexOf(0, 12) + 5;
  const isA = query.readUInt16BE(end - 4) === 1;
  const hasAddress = address !== null && isA;
  const head = Buffer.from(query.subarray(0, end));
  head.writeUInt16BE(address === null ? 0x81_83 : 0x81_80, 2);
  head.writeUInt16BE(hasAddress ? 1 : 0, 6);
  head.writeUInt16BE(0, 8);
  head.writeUInt16BE(0, 10);
  if (!hasAddress) return head;
  const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
  return Buffer.concat([head, record, Buffer.from(address.split(".").map(Number))]);
}

/** A DNS server; `undefined` as an address: silence. */
async function dnsServer(t: TestContext, addressOf: (name: string) => string | null | undefined) {
  const names: string[] = [];
  const socket = createSocket("udp4");
  socket.on("message", (query, { port, address }) => {
    const name = nameIn(query);
    names.push(name);
    const found = addressOf(name);
    if (found !== undefined) socket.send(responseTo(query, found), port, address);
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  t.after(() => void socket.close());
  return { server: `127.0.0.1:${(socket.address() as AddressInfo).port}`, names };
}

function dnsAt(server: string, domains: readonly string[] = []): LookUpHost {
  const searchList = () => ({ domains, ndots: 1 });
  return dnsLookup({ clock: realClock, searchList, servers: [server] });
}

function resultOf(lookUp: LookUpHost, host: string): Promise<HostLookupResult> {
  return new Promise((resolve) => void lookUp(host, resolve));
}

const noSystem: LookUpHost = () => assert.fail("the system was asked");

test("a name is resolved by DNS, with the search list", async (t) => {
  const { server, names } = await dnsServer(t, (name) =>
    name === "web.b.example" ? "10.0.0.7" : null,
  );
  const lookUp = dnsAt(server, ["a.example", "b.example"]);
  assert.deepEqual(await resultOf(lookUp, "web"), { kind: "addresses", addresses: ["10.0.0.7"] });
  assert.ok(names.includes("web.a.example"));
  assert.deepEqual(await resultOf(lookUp, "none"), { kind: "unknown" });
});

test("a silent DNS server delays its own name only, and is given up after 5 s", async (t) => {
  const { server } = await dnsServer(t, (name) =>
    name.startsWith("silent") ? undefined : "10.0.0.7",
  );
  const lookUp = combinedLookup(() => null, dnsAt(server), noSystem);
  const startedMs = performance.now();
  const silent = Array.from({ length: 12 }, (_, i) => resultOf(lookUp, `silent${i}.example`));
  assert.equal((await resultOf(lookUp, "web.example")).kind, "addresses");
  assert.ok(performance.now() - startedMs < 1_000);
  // The threads of the process are free for others.
  await new Promise((resolve) => systemLookup("localhost", resolve));
  assert.ok(performance.now() - startedMs < 1_000);
  const results = await Promise.all(silent);
  assert.ok(results.every(({ kind }) => kind === "silent"));
  assert.ok(performance.now() - startedMs < 7_000);
});

test("a lookup that is no longer wanted ends immediately", async (t) => {
  const { server } = await dnsServer(t, () => undefined);
  const startedMs = performance.now();
  const result = await new Promise<HostLookupResult>((resolve) => {
    const hurry = dnsAt(server)("web.example", resolve);
    hurry();
  });
  assert.equal(result.kind, "silent");
  assert.ok(performance.now() - startedMs < 500);
});

test("the hosts file comes first, the system last", async (t) => {
  const { server, names } = await dnsServer(t, () => null);
  const system: LookUpHost = (host, done) => {
    done(
      host === "printer.local"
        ? { kind: "addresses", addresses: ["10.0.0.9"] }
        : { kind: "unknown" },
    );
    return () => {};
  };
  const lookUp = combinedLookup(
    (host) => (host === "localhost" ? ["127.0.0.1"] : null),
    dnsAt(server),
    system,
  );
  let known: HostLookupResult | null = null;
  lookUp("localhost", (result) => (known = result));
  assert.deepEqual(known, { kind: "addresses", addresses: ["127.0.0.1"] }, "without any wait");
  assert.deepEqual(names, []);
  const printer = await resultOf(lookUp, "printer.local");
  assert.deepEqual(printer, { kind: "addresses", addresses: ["10.0.0.9"] });
  assert.deepEqual(await resultOf(lookUp, "none.example"), { kind: "unknown" });
});
