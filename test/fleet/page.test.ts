// The page between an instance and a fleet: what one writes the other reads, however it arrives.
import assert from "node:assert/strict";
import { test } from "node:test";
import { maxLineBytes } from "../../src/fleet/page/format.ts";
import type { CallRow, InstanceHeader } from "../../src/fleet/page/format.ts";
import { PageReader } from "../../src/fleet/page/reader.ts";
import type { PageSink } from "../../src/fleet/page/reader.ts";
import { fleetPage } from "../../src/fleet/page/writer.ts";
import { openMetrics } from "../../src/telemetry/metrics.ts";
import { simulatedClock } from "../support/clock.ts";

const header: InstanceHeader = {
  switchyardFleet: 1,
  run: "run-1",
  at: 1_000_000,
  startedAt: 900_000,
  slice: 3,
  sliceMs: 10_000,
  name: "web",
  version: "0.1.0",
  configHash: "0123456789ab",
  configFile: "web.yaml",
  notReady: null,
  routers: [{ label: "http", protocol: "http", servers: ["127.0.0.1:4140"] }],
};

/** Notes all that it is given, as text. */
function noting(): PageSink & { readonly seen: string[] } {
  const seen: string[] = [];
  return {
    seen,
    header: ({ name }) => void seen.push(`header ${name}`),
    problem: ({ text }) => void seen.push(`problem ${text}`),
    calls: (row: CallRow) => void seen.push(`${row[0]} ${row[2]} ${row[3]} ${row[11].length}`),
    endpoint: (_, client, { address }) => void seen.push(`endpoint ${client} ${address}`),
  };
}

/** What is wrong with a page, and what was read of it. */
function readAll(...pieces: readonly (string | Buffer)[]) {
  const sink = noting();
  const reader = new PageReader(sink);
  for (const piece of pieces) {
    const problem = reader.feed(Buffer.from(piece));
    if (problem !== null) return { problem, seen: sink.seen };
  }
  return { problem: reader.end(), seen: sink.seen };
}

async function written(): Promise<string> {
  const clock = simulatedClock();
  const metrics = openMetrics(clock);
  const scope = metrics.stats.scope("rt", "http", "service", "svc/é");
  scope.counter("requests").value = 7;
  for (let n = 0; n < 7; n++) scope.histogram("request_latency_ms").record(n * 10);
  clock.advance(10_000);
  const problem = {
    id: "p",
    severity: "warning",
    kind: "k",
    text: "t",
    since: null,
    where: null,
    advice: "a",
    subject: {},
  } as const;
  const facts = {
    address: "127.0.0.1:8080",
    state: "open",
    sinceMs: 1,
    lastError: null,
    latencyMs: 2,
    lastMinute: { requests: 7, successRate: 1 },
  };
  const endpoints = [[{ client: "/#/io.l5d.fs/x", endpoints: [facts] }]];
  const page = await fleetPage({ header, problems: [problem], endpoints }, metrics.root, -1);
  metrics.close();
  const text = [...page.pieces()].join("");
  assert.ok(Buffer.byteLength(text) <= page.maxBytes);
  return text;
}

test("what an instance writes is what a fleet reads, at every split", async () => {
  const page = Buffer.from(await written());
  const whole = readAll(page);
  assert.deepEqual(whole, {
    problem: null,
    seen: [
      "header web",
      "problem t",
      "service /svc/é 7 1",
      "endpoint /#/io.l5d.fs/x 127.0.0.1:8080",
    ],
  });
  for (let cut = 1; cut < page.length; cut++) {
    assert.deepEqual(readAll(page.subarray(0, cut), page.subarray(cut)), whole, `cut at ${cut}`);
  }
});

test("a page that ends anywhere before its end is incomplete", async () => {
  const page = Buffer.from(await written());
  for (let cut = 0; cut < page.length - 1; cut++) {
    assert.notEqual(readAll(page.subarray(0, cut)).problem, null, `ends at ${cut}`);
  }
});

const first = JSON.stringify(header);
const wrong: readonly (readonly [page: string, problem: RegExp])[] = [
  ["", /^the page is empty$/],
  ["<html>", /not one of switchyard's/],
  ["<html>\n", /not one of switchyard's: it begins with "<html>"/],
  ["{}\n", /not one of switchyard's/],
  ["null\n", /not one of switchyard's/],
  [
    `${JSON.stringify({ ...header, switchyardFleet: 2 })}\n`,
    /has format 2, and this process reads format 1/,
  ],
  [`${JSON.stringify({ ...header, slice: -1 })}\n`, /not one of switchyard's/],
  [`${first}\n`, /ends in the middle/],
  [`${first}\n{"end":5}\n`, /malformed/],
  [`${first}\n{"end":1}\nmore\n`, /follows the end/],
  [`${first}\nnot json\n`, /malformed: "not json"/],
  [`${first}\n["service",9,"x",1,1,1,1,1,1,1,1,[]]\n`, /malformed/],
  [`${first}\n["service",0,"x",1]\n`, /malformed/],
  [`${first}\n["service",0,"x",-1,1,1,1,1,1,1,1,[]]\n`, /malformed/],
  [`${first}\n["service",0,"x",1,1,1,1,1,1,1,1,[[1,2]]]\n`, /malformed/],
  [`${first}\n["endpoints",0,"x",[[1]]]\n`, /malformed/],
  ["x".repeat(maxLineBytes + 1), /a line has more than/],
];

test("whatever else an instance sends is refused, with its beginning", () => {
  for (const [page, problem] of wrong)
    assert.match(readAll(page).problem ?? "none", problem, page.slice(0, 80));
});

test("rows and fields that a newer instance adds are skipped", () => {
  const page = `${first}\n["thing",0,"x"]\n{"news":1}\n["service",0,"x",1,1,0,0,0,0,0,0,[],"more"]\n{"end":4}\n`;
  assert.deepEqual(readAll(page), { problem: null, seen: ["header web", "service x 1 0"] });
});
