import assert from "node:assert/strict";
import { test } from "node:test";
import { spanLines } from "../../../src/telemetry/tracing/span-lines.ts";
import { hostAndPort, spanName, spansOf } from "../../../src/telemetry/tracing/spans.ts";
import { zipkinJson } from "../../../src/telemetry/tracing/zipkin-json.ts";
import { recordedAttempt, recordedCall } from "./support.ts";

test("a call without a trace has no span; an attempt that was never written has one with an id of its own", () => {
  assert.deepEqual(spansOf(recordedCall({ trace: null })), []);
  const refused = recordedAttempt({ spanId: null });
  const call = recordedCall({ attempts: [refused, refused, recordedAttempt({ why: "requeue" })] });
  const ids = spansOf(call).map(({ spanId }) => spanId);
  assert.equal(new Set(ids).size, 4);
  for (const id of ids) assert.match(id, /^(?!0{16})[0-9a-f]{16}$/);
  assert.deepEqual(
    spansOf(call).map(({ spanId }) => spanId),
    ids,
    "the same each time",
  );
});

test("Zipkin's JSON of a call, in full", () => {
  const attempts = [
    recordedAttempt({
      outcome: "failure",
      status: null,
      headMs: null,
      failure: { kind: "closed", detail: "the endpoint closed" },
    }),
    recordedAttempt({ endpoint: "[2001:db8::1]:80", why: "hedge", spanId: "00000000000000b2" }),
  ];
  const parsed: unknown = JSON.parse(zipkinJson([recordedCall({ attempts, requeues: 1 })]));
  const startUs = 1_795_867_200_000_123;
  const shared = { traceId: "00000000000000aa", name: "get /users" };
  assert.deepEqual(parsed, [
    {
      ...shared,
      id: "00000000000000a1",
      parentId: "00000000000000a0",
      kind: "SERVER",
      timestamp: startUs,
      duration: 5_000,
      localEndpoint: { serviceName: "http", ipv4: "127.0.0.1", port: 4140 },
      remoteEndpoint: { ipv4: "192.0.2.7", port: 50_000 },
      annotations: [],
      tags: {
        "router.label": "http",
        service: "/svc/users",
        dentry: "/svc=>/#/io.l5d.fs",
        client: "/#/io.l5d.fs/users",
        endpoint: "10.0.0.1:8080",
        "http.req.method": "GET",
        "http.uri": "/users?page=2",
        "http.rsp.status": "200",
        requeues: "1",
        "l5d.success": "1.0",
      },
    },
    {
      ...shared,
      id: "00000000000000b1",
      parentId: "00000000000000a1",
      kind: "CLIENT",
      timestamp: startUs + 500,
      duration: 3_500,
      localEndpoint: { serviceName: "http" },
      remoteEndpoint: { ipv4: "10.0.0.1", port: 8080 },
      annotations: [],
      tags: {
        "router.label": "http",
        service: "/svc/users",
        client: "/#/io.l5d.fs/users",
        endpoint: "10.0.0.1:8080",
        "l5d.success": "0.0",
        error: "the endpoint closed",
      },
    },
    {
      ...shared,
      id: "00000000000000b2",
      parentId: "00000000000000a1",
      kind: "CLIENT",
      timestamp: startUs + 500,
      duration: 3_500,
      localEndpoint: { serviceName: "http" },
      remoteEndpoint: { ipv6: "2001:db8::1", port: 80 },
      annotations: [
        { timestamp: startUs + 500, value: "hedge" },
        { timestamp: startUs + 3_000, value: "response begins" },
      ],
      tags: {
        "router.label": "http",
        service: "/svc/users",
        client: "/#/io.l5d.fs/users",
        endpoint: "[2001:db8::1]:80",
        "http.rsp.status": "200",
        attempt: "hedge",
        "l5d.success": "1.0",
      },
    },
  ]);
});

test("names: the method and path of HTTP, the method of Thrift, the message of mux", () => {
  assert.equal(spanName(recordedCall()), "GET /users");
  assert.equal(
    spanName(recordedCall({ protocol: "thrift", method: "Calc:add", target: "" })),
    "Calc:add",
  );
  assert.equal(spanName(recordedCall({ protocol: "mux", method: "", target: "/x" })), "mux");
});

test("log lines have Finagle's four moments", () => {
  const [server, client] = spanLines(recordedCall());
  assert.deepEqual(
    [server?.["sr"], server?.["ss"]],
    [1_795_867_200_000_123, 1_795_867_200_005_123],
  );
  assert.deepEqual(
    [client?.["cs"], client?.["cr"]],
    [1_795_867_200_000_623, 1_795_867_200_004_123],
  );
});

test("a cancelled call is neither a success nor an error", () => {
  const [server] = JSON.parse(
    zipkinJson([
      recordedCall({
        outcome: "cancelled",
        status: "499",
        failure: { kind: "cancelled", detail: "the caller left" },
      }),
    ]),
  ) as { tags: Record<string, string> }[];
  assert.equal(server?.tags["cancelled"], "true");
  assert.deepEqual([server?.tags["error"], server?.tags["l5d.success"]], [undefined, undefined]);
});

test("addresses: IPv4, IPv6 in brackets, and what is neither", () => {
  assert.deepEqual(hostAndPort("127.0.0.1:80"), { host: "127.0.0.1", port: 80 });
  assert.deepEqual(hostAndPort("[::1]:80"), { host: "::1", port: 80 });
  assert.equal(hostAndPort("nowhere"), null);
  assert.equal(hostAndPort(null), null);
});
