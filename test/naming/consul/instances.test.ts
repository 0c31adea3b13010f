import assert from "node:assert/strict";
import { test } from "node:test";
import { readInstances } from "../../../src/naming/consul/instances.ts";
import type { ReadOptions } from "../../../src/naming/consul/instances.ts";

const options: ReadOptions = {
  statuses: null,
  prefersServiceAddress: true,
  weightByTag: new Map(),
  transfersMetadata: false,
};

test("an IPv6 address registered in brackets loses them", () => {
  const body = [
    { Address: "10.0.0.1", ServiceAddress: "[::1]", ServicePort: 1 },
    { Address: "[fe80::1%eth0]", ServiceAddress: "", ServicePort: 2 },
    { Node: { Address: "10.0.0.1" }, Service: { Address: "[2001:db8::1]", Port: 3 } },
  ];
  const read = readInstances(body, options);
  assert.ok(typeof read !== "string");
  assert.deepEqual(
    read.value.map(({ host, port }) => `${host} ${port}`),
    ["2001:db8::1 3", "::1 1", "fe80::1%eth0 2"],
  );
});

test("a body that is not a list is refused", () => {
  assert.equal(readInstances({}, options), "Consul's response is not a list of instances");
});
