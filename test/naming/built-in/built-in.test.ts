import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { failure } from "../../../src/core/failure.ts";
import { failed, ok, pending } from "../../../src/core/live.ts";
import { mapTree, showTree } from "../../../src/core/names/nametree.ts";
import type { Bound } from "../../../src/core/naming.ts";
import { pathLiteral, without } from "../../../src/core/names/path.ts";
import { utilityNamer } from "../../../src/naming/built-in/built-in.ts";
import { fakeHosts } from "../../support/naming.ts";

function lookup(path: string, hosts = fakeHosts()) {
  const mounted = utilityNamer(hosts);
  return mounted.namer.lookup(without(pathLiteral(path), mounted.id)).state;
}

/** The tree as text: paths as they are, bound names as `id + residual`. */
function shown(path: string): string {
  const state = lookup(path);
  if (state.kind === "failed") return `failed: ${state.why.detail}`;
  if (state.kind === "pending") return "pending";
  const named = mapTree(state.value, (value) =>
    typeof value === "string" ? value : `${value.id} + ${value.residual}`,
  );
  return showTree(named);
}

function boundAt(path: string, hosts = fakeHosts()): Bound {
  const state = lookup(path, hosts);
  assert.ok(state.kind === "ok" && state.value.kind === "leaf");
  assert.ok(typeof state.value.value !== "string");
  return state.value.value;
}

function addressesAt(t: TestContext, path: string): string[] {
  const { addresses } = boundAt(path);
  t.after(addresses.watch(() => {}));
  const { state } = addresses;
  assert.ok(state.kind === "ok" && state.value !== "neg");
  return state.value.map(({ host, port }) => `${host} ${port}`);
}

test("/$/inet binds a host and a port, and leaves the rest", (t) => {
  assert.equal(shown("/$/inet/127.1/8080/a/b"), "/$/inet/127.1/8080 + /a/b");
  assert.deepEqual(addressesAt(t, "/$/inet/127.1/8080"), ["127.0.0.1 8080"]);
  assert.deepEqual(addressesAt(t, "/$/inet/::1/8080"), ["::1 8080"]);
});

test("/$/inet with a port alone is this host", (t) => {
  assert.equal(shown("/$/inet/8080/a"), "/$/inet/8080 + /a");
  assert.deepEqual(addressesAt(t, "/$/inet/8080"), ["127.0.0.1 8080"]);
});

test("two numbers are a host and a port", (t) => {
  assert.deepEqual(addressesAt(t, "/$/inet/1234/5678"), ["0.0.4.210 5678"]);
});

test("rinet has the port first and keeps its own id", (t) => {
  assert.equal(
    shown("/$/io.buoyant.rinet/8080/127.0.0.1/x"),
    "/$/io.buoyant.rinet/8080/127.0.0.1 + /x",
  );
  assert.deepEqual(addressesAt(t, "/$/io.buoyant.rinet/8080/127.0.0.1"), ["127.0.0.1 8080"]);
  assert.equal(shown("/$/io.buoyant.rinet/http/127.0.0.1"), "~");
  assert.equal(shown("/$/io.buoyant.rinet/80"), "~");
});

test("a port that is not a number, and an unknown namer, fail instead of falling through", () => {
  const hint = "; write /$/inet/<host>/<port> with a port of 1..65535";
  assert.equal(
    shown("/$/inet/host/http"),
    `failed: Unknown namer: /$/inet for path: /$/inet/host/http${hint}`,
  );
  for (const bad of ["/$/inet", "/$/inet/host", "/$/inet/host/0", "/$/inet/host/65536"]) {
    assert.match(shown(bad), /^failed: Unknown namer: /, bad);
  }
  assert.equal(
    shown("/$/com.example.Namer/a"),
    "failed: Unknown namer: /$/com.example.Namer for path: /$/com.example.Namer/a",
  );
});

test("a host name's addresses follow the resolver; fixedinet keeps the first result", (t) => {
  const hosts = fakeHosts();
  const live = boundAt("/$/inet/web.local/80", hosts).addresses;
  const fixed = boundAt("/$/fixedinet/web.local/80", hosts).addresses;
  t.after(live.watch(() => {}));
  t.after(fixed.watch(() => {}));
  assert.deepEqual([live.state, fixed.state], [pending, pending]);
  const cell = hosts.cell("web.local");
  cell.set(failed(failure("unresolved", "no response")));
  assert.deepEqual([live.state.kind, fixed.state.kind], ["failed", "failed"]);
  cell.set(ok(["10.0.0.1", "10.0.0.2"]));
  const both = ok(["10.0.0.1", "10.0.0.2"].map((host) => ({ host, port: 80, weight: 1 })));
  assert.deepEqual([live.state, fixed.state], [both, both]);
  cell.set(ok([]));
  assert.deepEqual([live.state, fixed.state], [ok("neg"), both]);
});

const rewrites: readonly (readonly [string, string])[] = [
  ["io.buoyant.http.anyMethod/GET/a/b", "/a/b"],
  ["io.buoyant.http.anyMethod/GET", "/"],
  ["io.buoyant.http.anyMethod/get/a", "~"],
  ["io.buoyant.http.anyMethodPfx/p/POST/a", "/p/a"],
  ["io.buoyant.http.anyMethodPfx/POST", "~"],
  ["io.buoyant.http.anyHost/a.b_c:80/x", "/x"],
  ["io.buoyant.http.anyHost/a\\x20b/x", "~"],
  ["io.buoyant.http.anyHost", "~"],
  ["io.buoyant.http.anyHostPfx/p/a.b/x", "/p/x"],
  ["io.buoyant.http.subdomainOf/buoyant.io/foo.buoyant.io/x", "/foo/x"],
  ["io.buoyant.http.subdomainOf/buoyant.io/foo.bar.buoyant.io:8080/x", "/foo.bar/x"],
  ["io.buoyant.http.subdomainOf/buoyant.io/buoyant.io/x", "~"],
  ["io.buoyant.http.subdomainOf/buoyant.io/.buoyant.io/x", "~"],
  ["io.buoyant.http.subdomainOf/buoyant.io/foobuoyant.io/x", "~"],
  ["io.buoyant.http.subdomainOfPfx/buoyant.io/p/foo.buoyant.io/x", "/p/foo/x"],
  ["io.buoyant.http.domainToPath/foo.buoyant.io/x", "/io/buoyant/foo/x"],
  ["io.buoyant.http.domainToPath/a..b/x", "~"],
  ["io.buoyant.http.domainToPathPfx/p/foo.buoyant.io/x", "/p/io/buoyant/foo/x"],
  ["io.buoyant.hostportPfx/p/web:8080/x", "/p/web/8080/x"],
  ["io.buoyant.hostportPfx/p/web:http-alt/x", "/p/web/http-alt/x"],
  ["io.buoyant.hostportPfx/p/web/x", "~"],
  ["io.buoyant.hostportPfx/p/a:b:c/x", "~"],
  ["io.buoyant.hostportPfx/p/web:HTTP/x", "~"],
  [`io.buoyant.hostportPfx/p/web:${"a".repeat(64)}/x`, "~"],
  ["io.buoyant.porthostPfx/p/web:8080/x", "/p/8080/web/x"],
];

for (const [path, expected] of rewrites) {
  test(`/$/${path} gives ${expected}`, () => {
    assert.equal(shown(`/$/${path}`), expected);
  });
}
