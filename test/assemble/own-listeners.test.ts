import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { test } from "node:test";
import { OwnListeners } from "../../src/assemble/own-listeners.ts";

const port = 9990;

function refusal(target: string, bound: string, { at = port, router = "out" } = {}): string | null {
  const own = new OwnListeners();
  own.add({ host: bound, port }, null);
  return own.refusal({ host: target, port: at, weight: 1 }, router, false);
}

const interfaces = Object.values(networkInterfaces()).flatMap((found) => found ?? []);

for (const [bound, targets] of [
  ["127.0.0.1", ["127.0.0.1", "0.0.0.0", "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:0.0.0.0"]],
  ["::1", ["::1", "::", "0:0:0:0:0:0:0:1"]],
  ["0:0:0:0:0:0:0:1", ["::1"]],
  ["0.0.0.0", ["127.0.0.1", "127.9.8.7", "0.0.0.0", "::ffff:127.0.0.1"]],
  ["::", ["127.0.0.1", "::1", "::", "0.0.0.0", "::ffff:127.0.0.1"]],
  ["::", interfaces.map(({ address }) => address)],
  ["0.0.0.0", interfaces.filter(({ family }) => family === "IPv4").map(({ address }) => address)],
] as const) {
  for (const target of targets) {
    test(`an admin server bound to ${bound} is reached by ${target}`, () => {
      assert.match(refusal(target, bound) ?? "", /is the admin server of this proxy/);
    });
  }
}

for (const [bound, target] of [
  ["127.0.0.1", "127.0.0.2"],
  ["127.0.0.1", "::1"],
  ["127.0.0.1", "10.1.2.3"],
  ["0.0.0.0", "::1"],
  ["0.0.0.0", "192.0.2.1"],
  ["::", "2001:db8::1"],
] as const) {
  test(`an admin server bound to ${bound} is not reached by ${target}`, () => {
    assert.equal(refusal(target, bound), null);
  });
}

test("another port of the same address is open", () => {
  assert.equal(refusal("127.0.0.1", "127.0.0.1", { at: 80 }), null);
});

test("a router's names may lead to other routers' servers, but to its own only if allowed", () => {
  const own = new OwnListeners();
  own.add({ host: "127.0.0.1", port: 4140 }, "outgoing");
  const target = { host: "127.0.0.1", port: 4140, weight: 1 };
  assert.equal(own.refusal(target, "incoming", false), null);
  assert.match(own.refusal(target, "outgoing", false) ?? "", /round in circles.*allowSelfCalls/);
  assert.equal(own.refusal(target, "outgoing", true), null);
});

test("a port that the system has not chosen yet is no address", () => {
  const own = new OwnListeners();
  own.add({ host: "127.0.0.1", port: 0 }, "out");
  assert.equal(own.refusal({ host: "127.0.0.1", port: 0, weight: 1 }, "out", false), null);
});
