// The files of the system: which names they answer, and which they lead to.
import assert from "node:assert/strict";
import { utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { hostsFile, parseHosts } from "../../../src/naming/hosts/hosts-file.ts";
import { candidates, parseResolvConf } from "../../../src/naming/hosts/resolv-conf.ts";
import { simulatedClock } from "../../support/clock.ts";
import { testFolder } from "../../support/folder.ts";

test("the hosts file gives all addresses of a name, in any case of letters", () => {
  const table = parseHosts(`
    # a comment
    127.0.0.1  localhost LOCAL # and another
    ::1        localhost
    10.0.0.7   web.internal web
    not-an-ip  broken
    10.0.0.8   web
  `);
  assert.deepEqual(table.get("localhost"), ["127.0.0.1", "::1"]);
  assert.deepEqual(table.get("local"), ["127.0.0.1"]);
  assert.deepEqual(table.get("web"), ["10.0.0.7", "10.0.0.8"]);
  assert.equal(table.get("broken"), undefined);
});

test("localhost is known without a hosts file; other names are not", () => {
  const known = hostsFile(simulatedClock(), "/does/not/exist");
  assert.deepEqual(known("localhost"), ["127.0.0.1"]);
  assert.deepEqual(known("api.localhost."), ["127.0.0.1"]);
  assert.equal(known("web"), null);
  assert.equal(known("notlocalhost"), null);
});

test("a hosts file that changes is read again within 5 s", (t) => {
  const path = join(testFolder(t).path, "hosts");
  writeFileSync(path, "10.0.0.1 web\n");
  const clock = simulatedClock();
  const known = hostsFile(clock, path);
  assert.deepEqual(known("web"), ["10.0.0.1"]);
  writeFileSync(path, "10.0.0.2 web\n");
  utimesSync(path, 1, 1);
  assert.deepEqual(known("web"), ["10.0.0.1"]);
  clock.advance(5_000);
  assert.deepEqual(known("web"), ["10.0.0.2"]);
});

test("a name is searched for as resolv.conf says", () => {
  const list = parseResolvConf(`
    nameserver 10.0.0.2
    domain ignored.example
    search default.svc.cluster.local svc.cluster.local # the last one counts
    options timeout:1 ndots:2
  `);
  const svc = ["default.svc.cluster.local", "svc.cluster.local"];
  assert.deepEqual(list, { domains: svc, ndots: 2 });
  assert.deepEqual(candidates("web", list), [...svc.map((domain) => `web.${domain}`), "web"]);
  assert.deepEqual(candidates("a.b.example", list)[0], "a.b.example");
  assert.deepEqual(candidates("web.", list), ["web"]);
  assert.deepEqual(candidates("web", parseResolvConf("")), ["web"]);
});
