import assert from "node:assert/strict";
import { test } from "node:test";
import { parseInvocation, usage, type RunOptions } from "../../bench/options.ts";

const parts = {
  http: ["direct", "switchyard", "nginx", "hosts"],
  thrift: ["direct", "switchyard", "npm-thrift"],
  mux: ["direct", "http", "switchyard", "memory"],
  tls: ["in:switchyard"],
  outages: ["http", "p2c", "refuse-3"],
  drains: ["http", "haproxy-http"],
};

function http(...argv: string[]): RunOptions {
  const invocation = parseInvocation(["http", ...argv], parts);
  assert.ok(invocation.kind === "run" && invocation.bench === "http", JSON.stringify(invocation));
  return invocation.options;
}

function whyWrong(...argv: string[]): string {
  const invocation = parseInvocation(argv, parts);
  assert.ok(invocation.kind === "wrong", JSON.stringify(invocation));
  return invocation.why;
}

test("without options a run is three rounds of five seconds with 32 connections over all parts", () => {
  const { rounds, seconds, connections, only, json } = http();
  assert.deepEqual(
    { rounds, seconds, connections, only, json },
    { rounds: 3, seconds: 5, connections: 32, only: null, json: null },
  );
});

test("--quick is one short round, and yields to what is said beside it", () => {
  assert.equal(http("--quick").rounds, 1);
  assert.equal(http("--quick").seconds, 2);
  assert.equal(http("--quick", "--seconds", "9").seconds, 9);
});

test("--only takes names of parts and refuses others by name", () => {
  assert.deepEqual(http("--only", "nginx,hosts").only, ["nginx", "hosts"]);
  assert.match(whyWrong("http", "--only", "nginx,ngnix"), /does not know "ngnix".*switchyard/);
});

test("each bench has parts of its own", () => {
  const invocation = parseInvocation(["thrift", "--only", "npm-thrift"], parts);
  assert.ok(invocation.kind === "run" && invocation.bench === "thrift");
  assert.deepEqual(invocation.options.only, ["npm-thrift"]);
  assert.equal(invocation.options.command, "npm run bench -- thrift --only npm-thrift");
  assert.match(whyWrong("thrift", "--only", "nginx"), /does not know "nginx".*npm-thrift/);
});

test("numbers are whole and positive", () => {
  assert.equal(http("--connections=8").connections, 8);
  for (const bad of ["0", "-1", "1.5", "many", "", "1e3"]) {
    assert.match(whyWrong("http", `--connections=${bad}`), /--connections takes a whole number/);
  }
});

test("unknown options, missing and surplus words are errors", () => {
  assert.match(whyWrong("http", "--fast"), /--fast/);
  assert.match(whyWrong(), /got nothing/);
  assert.match(whyWrong("h3"), /got h3/);
  assert.match(whyWrong("http", "more"), /unexpected argument "more"/);
  assert.match(whyWrong("report"), /takes one FILE/);
});

test("the command is kept for the record, without the file it was written to", () => {
  const { command } = http("--json", "somewhere.json", "--quick", "--only", "nginx");
  assert.equal(command, "npm run bench -- http --quick --only nginx");
});

test("help wins over everything and names every part", () => {
  assert.equal(parseInvocation(["--help"], parts).kind, "help");
  assert.equal(parseInvocation(["http", "--help"], parts).kind, "help");
  for (const part of [...parts.http, ...parts.thrift, ...parts.mux])
    assert.ok(usage(parts).includes(part));
});

test("report and readme take the file of the result", () => {
  for (const kind of ["report", "readme"]) {
    assert.deepEqual(parseInvocation([kind, "a.json"], parts), { kind, file: "a.json" });
  }
});
