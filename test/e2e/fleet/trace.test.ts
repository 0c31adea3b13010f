// One trace through all hops, joined from what the instances keep of recent calls.
import assert from "node:assert/strict";
import { request } from "node:http";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { test } from "node:test";
import { ask } from "../../support/http-request.ts";
import { startProxy } from "../../support/proxy.ts";
import { service } from "../../support/service.ts";
import { startFleet, untilOverview } from "./support.ts";
import type { FleetCalls, Trace } from "../../../src/fleet/views/shapes.ts";

const keepsAll = "telemetry: [{ kind: io.l5d.recentRequests, sampleRate: 1.0 }]";

/** Calls `host` through the sidecar's outgoing port, as a service does: it passes the context on. */
function passOn(
  port: number,
  host: string,
  headers: IncomingHttpHeaders,
  response: ServerResponse,
): void {
  const context = Object.entries(headers).filter(([name]) => name.startsWith("l5d-ctx-"));
  const sent = request(
    { port, host: "127.0.0.1", path: "/rate", headers: { host, ...Object.fromEntries(context) } },
    (answer) => answer.pipe(response),
  );
  sent.end();
}

async function threeHops(t: Parameters<typeof startProxy>[0]) {
  const rates = await service(t, "1.08");
  const ratesIncoming = await startProxy(
    t,
    `
    routers:
    - protocol: http
      label: incoming
      servers: [{ port: 0 }]
      dtab: /svc/* => /$/inet/127.1/${rates.port}
    ${keepsAll}`,
  );
  let outgoingPort = 0;
  const converter = await service(t, (seen: IncomingMessage, response) =>
    passOn(outgoingPort, "rates", seen.headers, response),
  );
  const sidecar = await startProxy(
    t,
    `
    routers:
    - protocol: http
      label: incoming
      servers: [{ port: 0 }]
      dtab: /svc/* => /$/inet/127.1/${converter.port}
    - protocol: http
      label: outgoing
      servers: [{ port: 0 }]
      dtab: /svc/rates => /$/inet/127.1/${ratesIncoming.port}
    ${keepsAll}`,
  );
  outgoingPort = sidecar.portOf("outgoing");
  const web = await startProxy(
    t,
    `
    routers:
    - protocol: http
      label: outgoing
      servers: [{ port: 0 }]
      dtab: /svc/converter => /$/inet/127.1/${sidecar.portOf("incoming")}
    ${keepsAll}`,
  );
  return { web, sidecar, ratesIncoming };
}

test("a trace is one waterfall over three sidecars, with the network between them apart", async (t) => {
  const { web, sidecar, ratesIncoming } = await threeHops(t);
  const listed = [
    `web 127.0.0.1:${web.adminPort}`,
    `converter 127.0.0.1:${sidecar.adminPort}`,
    `rates-1 127.0.0.1:${ratesIncoming.adminPort}`,
  ];
  const fleet = await startFleet(t, `instances: [${listed.join(", ")}]`);
  await untilOverview(
    fleet,
    ({ instances }) => instances.length === 3 && instances.every(({ state }) => state === "ready"),
    "all are ready",
  );
  assert.equal((await ask(web.port, "/convert", { Host: "converter" })).status, 200);
  assert.match(
    await fleet.admin("/fleet/requests.json?fail=true"),
    /there is no parameter \\"fail/,
  );
  const { calls } = JSON.parse(await fleet.admin("/fleet/requests.json?limit=10")) as FleetCalls;
  assert.equal(calls.length, 4, "four routers took part");
  const first = calls.find(({ instanceName }) => instanceName === "web");
  const { traceId = "" } = (first?.call["trace"] ?? {}) as { readonly traceId?: string };
  const trace = JSON.parse(await fleet.admin(`/fleet/trace.json?id=${traceId}`)) as Trace;
  assert.deepEqual(
    trace.rows.map(
      ({ depth, kind, instanceName, router }) => `${depth} ${kind} ${instanceName} ${router}`,
    ),
    [
      "0 call web outgoing",
      "1 attempt web outgoing",
      "2 network web outgoing",
      "2 call converter incoming",
      "3 attempt converter incoming",
      "4 call converter outgoing",
      "5 attempt converter outgoing",
      "6 network converter outgoing",
      "6 call rates-1 incoming",
      "7 attempt rates-1 incoming",
    ],
  );
  assert.deepEqual([trace.hops, trace.asked, trace.missing], [4, 3, []]);
  const [outermost] = trace.rows;
  for (const { startMs, durationMs } of trace.rows) {
    assert.ok(startMs >= 0 && durationMs >= 0);
    assert.ok(
      startMs + durationMs <= (outermost?.durationMs ?? 0) + 1,
      "all within the first call",
    );
  }
});

test("what instances send of a trace is shown, not believed", async (t) => {
  const id = "00000000000000aa";
  const span = (spanId: string, parentId: string) => ({ traceId: id, spanId, parentId });
  const record = { at: "2026-11-28T12:00:00.000Z", durationMs: 5, router: "r" };
  const header = { switchyardFleet: 1, run: "r", at: 0, startedAt: 0, slice: 0, sliceMs: 10_000 };
  const page = `${JSON.stringify({ ...header, version: "1", configHash: "x", routers: [] })}\n{"end":1}\n`;
  const requests = [
    // Each is the other's parent.
    { ...record, id: "a", trace: span("0000000000000001", "0000000000000002") },
    { ...record, id: "b", trace: span("0000000000000002", "0000000000000001") },
    {
      ...record,
      id: "c",
      trace: { ...span("0000000000000003", "0"), traceId: "00000000000000bb" },
    },
    { ...record, id: "d", at: "yesterday", trace: span("0000000000000004", "0") },
    { ...record, id: "e", attempts: [{ endpoint: 7 }, null], trace: span("0000000000000005", "0") },
    null,
    "text",
  ];
  const liar = await service(t, (seen, response) => {
    response.end(
      seen.url?.startsWith("/requests.json") === true ? JSON.stringify({ requests }) : page,
    );
  });
  const broken = await service(t, (seen, response) => {
    if (seen.url?.startsWith("/requests.json") !== true) response.end(page);
    else response.writeHead(500).end("no");
  });
  const fleet = await startFleet(
    t,
    `instances: [liar 127.0.0.1:${liar.port}, broken 127.0.0.1:${broken.port}]`,
  );
  await untilOverview(
    fleet,
    ({ instances }) => instances.every(({ state }) => state === "ready"),
    "both",
  );
  const trace = JSON.parse(await fleet.admin(`/fleet/trace.json?id=${id}`)) as Trace;
  assert.deepEqual(trace.calls.map(({ call }) => call.id).sort(), ["a", "b", "e"]);
  assert.deepEqual(trace.missing, [{ instance: "broken", why: "responds with 500: no" }]);
  assert.match(
    await fleet.admin("/fleet/trace.json"),
    /expected id=TRACE, 16 or 32 hexadecimal digits/,
  );
});
