import assert from "node:assert/strict";
import { test } from "node:test";
import * as v from "valibot";
import { forwarded, forwardedSchema } from "../../../../protocols/http/filters/forwarded.ts";
import type { PeerInfo } from "../../../../src/net/peer-info.ts";
import { seeded } from "../../../support/random.ts";
import { peer, request } from "../messages.ts";

const v6: PeerInfo = { ...peer, remoteHost: "2001:db8::1", localHost: "::" };

function maker(config: unknown) {
  const parsed = v.parse(forwardedSchema, config);
  return forwarded(parsed, { random: seeded(5), label: "edge router" });
}

const value = (config: unknown, by: PeerInfo = peer) =>
  maker(config)(request({ peer: by, host: null }));

test("labels are random for each request unless the configuration says otherwise", () => {
  const make = maker({});
  const first = make(request({ host: null }));
  assert.match(first, /^by=_[A-Za-z0-9]{6};for=_[A-Za-z0-9]{6}$/);
  assert.notEqual(make(request({ host: null })), first);
});

test("addresses are written as RFC 7239 has them", () => {
  const ips = { by: { kind: "ip" }, for: { kind: "ip" } };
  const ports = { by: { kind: "ip:port" }, for: { kind: "ip:port" } };
  assert.equal(value(ips), "by=127.0.0.1;for=127.0.0.1");
  assert.equal(value(ports), 'by="127.0.0.1:4140";for="127.0.0.1:53422"');
  assert.equal(value(ips, v6), 'by=unknown;for="[2001:db8::1]"');
  assert.equal(value(ports, v6), 'by=unknown;for="[2001:db8::1]:53422"');
  const unbound = { ...peer, remoteHost: "10.0.0.7", localHost: "" };
  assert.equal(value(ips, unbound), "by=unknown;for=10.0.0.7");
});

test("labels by connection are stable, and differ between connections and ends", () => {
  const make = maker({ by: { kind: "connectionRandom" }, for: { kind: "connectionRandom" } });
  const other = { ...peer };
  const first = make(request({ host: null }));
  assert.equal(make(request({ host: null })), first);
  assert.notEqual(make(request({ host: null, peer: other })), first);
  const [by, from] = first.split(";");
  assert.notEqual(by?.slice(3), from?.slice(4));
});

test("the router's label and a fixed one begin with an underscore", () => {
  assert.equal(
    value({ by: { kind: "router" }, for: { kind: "static", label: "gw" } }),
    'by="_edge router";for=_gw',
  );
  assert.equal(
    value({ by: { kind: "static", label: "_a" }, for: { kind: "ip" } }),
    "by=_a;for=127.0.0.1",
  );
});

test("the Host is included, quoted if necessary, and the scheme of an absolute target", () => {
  const make = maker({ by: { kind: "ip" }, for: { kind: "ip" } });
  assert.equal(make(request({ host: "web" })), "by=127.0.0.1;for=127.0.0.1;host=web");
  assert.equal(
    make(request({ host: 'a"b:80', absoluteScheme: "http" })),
    'by=127.0.0.1;for=127.0.0.1;host="a\\"b:80";proto=http',
  );
});

test("an unknown kind and an invalid label are refused", () => {
  assert.equal(v.safeParse(forwardedSchema, { by: { kind: "name" } }).success, false);
  assert.equal(
    v.safeParse(forwardedSchema, { by: { kind: "static", label: "a b" } }).success,
    false,
  );
});
