import assert from "node:assert/strict";
import { test } from "node:test";
import { failure } from "../../../src/core/failure.ts";
import { failed, ok } from "../../../src/core/live.ts";
import {
  parseAddressLines,
  parseHostPort,
  resolvedLines,
} from "../../../src/naming/fs/address-lines.ts";
import { fakeHosts } from "../../support/naming.ts";

test("host, port and weight are read; the weight may stand close to its star", () => {
  for (const line of ["h 80 * .5", "h 80 *.5", "h 80 *0.50", "\th  80  *  0.5 # c"]) {
    const lines = [{ host: "h", port: 80, weight: 0.5 }];
    assert.deepEqual(parseAddressLines(line), { kind: "lines", lines }, line);
  }
});

test("a bad line is named by its number", () => {
  for (const bad of ["h", "h 0", "h 65536", "h 80 x", "h 80 * -1", "h 80 * 1e3", "h:80", "h/ 80"]) {
    const parsed = parseAddressLines(`a 1\n\n${bad}`);
    assert.ok(parsed.kind === "bad" && parsed.line === 3, bad);
  }
});

test("an address of the configuration is host:port, IPv6 in brackets, a weight behind", () => {
  assert.deepEqual(parseHostPort("h:80"), { host: "h", port: 80, weight: 1 });
  assert.deepEqual(parseHostPort("[::1]:80 * 2"), { host: "::1", port: 80, weight: 2 });
  for (const bad of ["h", "::1:80", "h:0", "h:80 2", "[::1]", ":80", "h:80*"]) {
    assert.equal(parseHostPort(bad), null, bad);
  }
});

test("a name that fails does not take the other addresses with it; all failing is failed", (t) => {
  const hosts = fakeHosts();
  const lines = ["a", "b"].map((host) => ({ host, port: 80, weight: 1 }));
  const live = resolvedLines(hosts, lines);
  t.after(live.watch(() => {}));
  hosts.cell("a").set(failed(failure("unresolved", "boom")));
  assert.equal(live.state.kind, "pending");
  hosts.cell("b").set(ok(["10.0.0.1"]));
  assert.deepEqual(live.state, ok([{ host: "10.0.0.1", port: 80, weight: 1 }]));
  hosts.cell("b").set(failed(failure("unresolved", "boom")));
  assert.equal(live.state.kind, "failed");
});

test("an address that is listed twice is one", (t) => {
  const hosts = fakeHosts();
  const live = resolvedLines(hosts, [
    { host: "10.0.0.1", port: 80, weight: 2 },
    { host: "10.0.0.1", port: 80, weight: 1 },
  ]);
  t.after(live.watch(() => {}));
  assert.deepEqual(live.state, ok([{ host: "10.0.0.1", port: 80, weight: 2 }]));
});
