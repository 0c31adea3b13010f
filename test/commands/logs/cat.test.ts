// `switchyard logs cat`: what it reads, what it says about files that are broken, and how it follows.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { appendFileSync, readFileSync, renameSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { headerOf, longOf } from "../../../src/access-log/avro/container.ts";
import { AvroContent, avroEncoder } from "../../../src/access-log/avro/content.ts";
import type { AccessRecord } from "../../../src/access-log/record.ts";
import { LogFile } from "../../../src/runtime/log-file.ts";
import { realClock } from "../../support/real-clock.ts";
import { testFolder } from "../../support/folder.ts";
import { keptLog } from "../../support/naming.ts";
import { line } from "../../support/terminal.ts";
import { until } from "../../support/until.ts";

const encode = avroEncoder();

const call = (target: string, more: Partial<AccessRecord> = {}): AccessRecord => ({
  time: Date.parse("2024-01-31T22:59:58Z"),
  protocol: "http",
  router: "out",
  remote: "127.0.0.1:5",
  method: "GET",
  target,
  status: 200,
  outcome: "success",
  durationMs: 1.25,
  receivedBytes: 0,
  sentBytes: 5,
  path: "/svc/users",
  client: null,
  endpoint: "10.0.0.7:80",
  traceId: null,
  failure: null,
  detail: null,
  fault: null,
  ...more,
});

/** Appends to a log in Avro as a proxy does, a block for each call. */
async function append(path: string, ...calls: readonly AccessRecord[]): Promise<void> {
  const options = { path, roll: { kind: "never" }, append: true, keepCount: Infinity } as const;
  const deps = { clock: realClock, log: keptLog(), lost: { value: 0 } };
  const file = new LogFile<Buffer>(options, new AvroContent(), deps);
  for (const each of calls) {
    file.write(encode(each));
    await file.flush();
  }
  await file.close();
}

const cat = (...args: readonly string[]) => line(["logs", "cat", ...args]);
const shown = (target: string, status = 200) =>
  `2024-01-31T22:59:58.000Z out ${status} GET ${target}  /svc/users -> 10.0.0.7:80  1.3 ms`;

test("the calls of an Avro log are lines for people, or JSON without nulls", async (t) => {
  const file = join(testFolder(t).path, "access.avro");
  await append(
    file,
    call("/1"),
    call("/2", { status: 502, failure: "connect", detail: "refused" }),
  );
  const words = await cat(file);
  assert.deepEqual(words, {
    code: 0,
    out: `${shown("/1")}\n${shown("/2", 502)}  connect: refused\n`,
    error: "",
  });
  const json = await cat(file, "--json", "--where", "status>=500");
  assert.deepEqual(JSON.parse(json.out), {
    ...Object.fromEntries(Object.entries(call("/2")).filter(([, value]) => value !== null)),
    time: "2024-01-31T22:59:58.000Z",
    status: 502,
    failure: "connect",
    detail: "refused",
  });
});

test("lines of JSON and common lines are read, also in one file, and others are counted", async (t) => {
  const file = join(testFolder(t).path, "access.log");
  const lines = [
    JSON.stringify({ ...call("/1"), time: "2024-01-31T22:59:58.000Z" }),
    'web 127.0.0.1 - alice [31/01/2024:23:59:58 +0100] "GET /a?\\"b HTTP/1.1" 503 64 "-" "curl/8 \\xe9" l5d-fault="delay 2"',
    'web 127.0.0.1 - - [31/Jan/2024:22:59:58 +0000] "GET / HTTP/1.1" 200 - "-" "-"',
    '2024-01-31T22:59:59.000Z 127.0.0.1:5 /svc/Calc "Calc:add" error:connect 41 33 0.871 10.0.0.7:80',
    '2024-01-31T22:59:59.000Z 127.0.0.1:5 - "Tdispatch /users" ok 41 33 0.871 -',
    "who are you",
    "{ half",
    "",
  ];
  writeFileSync(file, lines.join("\n"));
  const { out, error, code } = await cat(file, "--json");
  assert.equal(code, 0);
  assert.equal(error, `${file}: 2 lines were not understood, the first on line 6\n`);
  const [first, http, linkerd, thrift, mux] = out
    .trimEnd()
    .split("\n")
    .map((each) => JSON.parse(each) as object);
  assert.equal((first as AccessRecord).target, "/1");
  assert.deepEqual(http, {
    time: "2024-01-31T22:59:58.000Z",
    protocol: "http",
    remote: "127.0.0.1",
    identity: "alice",
    host: "web",
    method: "GET",
    target: '/a?"b',
    version: "1.1",
    status: 503,
    sentBytes: 64,
    fault: "delay 2",
    userAgent: "curl/8 \u00e9",
  });
  assert.equal((linkerd as AccessRecord).time, "2024-01-31T22:59:58.000Z", "Linkerd's own log");
  assert.deepEqual(thrift, {
    time: "2024-01-31T22:59:59.000Z",
    remote: "127.0.0.1:5",
    method: "Calc:add",
    result: "error",
    durationMs: 0.871,
    receivedBytes: 41,
    sentBytes: 33,
    path: "/svc/Calc",
    endpoint: "10.0.0.7:80",
    failure: "connect",
  });
  assert.deepEqual((mux as AccessRecord).target, "/users");
  const some = await cat(file, "--where", "failure = connect or identity = alice");
  assert.equal(some.out.trimEnd().split("\n").length, 2);
});

test("what callers sent cannot speak to the terminal", async (t) => {
  const file = join(testFolder(t).path, "access.avro");
  await append(file, call("/\u001b[2J\u009b2J\nforged", { userAgent: "\u009b\u202e" }));
  for (const option of [[], ["--json"]]) {
    const { out } = await cat(file, ...option);
    assert.match(out, /^[\x20-\x7e]+\n$/);
  }
});

test("a torn end is told, and what stands before it is shown", async (t) => {
  const file = join(testFolder(t).path, "access.avro");
  await append(file, call("/1"), call("/2"));
  truncateSync(file, readFileSync(file).length - 5);
  const { out, error, code } = await cat(file);
  assert.equal(out, `${shown("/1")}\n`);
  assert.match(
    error,
    /: the last \d+ bytes are no whole block: its writer was killed, or is writing\n$/,
  );
  assert.equal(code, 0);
});

test("a broken file is an error that says where, and does not keep others from being read", async (t) => {
  const { path } = testFolder(t);
  const [good, bad] = [join(path, "good.avro"), join(path, "bad.avro")];
  await append(good, call("/1"));
  await append(bad, call("/1"), call("/2"));
  const bytes = readFileSync(bad);
  bytes.fill(7, bytes.length - 40, bytes.length - 20);
  writeFileSync(bad, bytes);
  const missing = join(path, "missing.avro");
  const { out, error, code } = await cat(missing, bad, good, path);
  assert.equal(out, `${shown("/1")}\n${shown("/1")}\n`);
  const [first, second = "", third] = error.trimEnd().split("\n");
  assert.equal(first, `${missing}: there is no such file`);
  assert.match(second, /bad\.avro: the block at byte \d+ cannot be read: /);
  assert.equal(third, `${path}: it is a folder`);
  assert.equal(code, 1);
});

test("a block that would fill the memory, and a schema that is another's, are refused", async (t) => {
  const { path } = testFolder(t);
  const file = join(path, "big.avro");
  const sync = randomBytes(16);
  const refused = async (schema: object, codec: string, ...rest: readonly Buffer[]) => {
    writeFileSync(file, Buffer.concat([headerOf(JSON.stringify(schema), codec, sync), ...rest]));
    const { error, code, out } = await cat(file);
    assert.deepEqual([code, out], [1, ""]);
    return error.slice(file.length + 2).trimEnd();
  };
  const record = { type: "record", name: "AccessRecord", namespace: "switchyard", fields: [] };
  const huge = [longOf(1), longOf(2 ** 40)];
  assert.match(await refused(record, "deflate", ...huge), /its lengths are impossible$/);
  const nonsense = [longOf(1), longOf(3), Buffer.from("abc"), sync];
  assert.match(
    await refused(record, "deflate", ...nonsense),
    /^the block at byte \d+ cannot be read: /,
  );
  const endless = [longOf(2 ** 40), longOf(0), sync];
  assert.match(await refused(record, "null", ...endless), /it has fewer records than it says$/);
  assert.equal(
    await refused({ ...record, name: "Rate" }, "null"),
    "it is no access log: its records are switchyard.Rate",
  );
  assert.match(await refused({ type: "nothing" }, "null"), /^it is no access log: /);
  assert.equal(await refused(record, "snappy"), "it is compressed with snappy, not with deflate");
});

test("wrong usage says what was expected", async () => {
  for (const [args, problem] of [
    [[], "expected cat and a file"],
    [["dog", "x"], "expected cat and a file"],
    [["cat"], "expected at least one file"],
    [["cat", "a", "b", "-f"], "--follow: expected one file, got 2"],
    [["cat", "a", "--where", "x=1"], "--where: there is no field x;"],
  ] as const) {
    const { code, error } = await line(["logs", ...args]);
    assert.equal(code, 2);
    assert.ok(error.startsWith(`switchyard logs: ${problem}`), error);
  }
});

/** `--follow` in a process of its own, and the lines it has printed. */
function follow(t: TestContext, file: string): () => readonly string[] {
  const binary = fileURLToPath(new URL("../../../../bin/switchyard", import.meta.url));
  const child = spawn(process.execPath, [binary, "logs", "cat", "-f", file], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => void child.kill("SIGKILL"));
  let out = "";
  child.stdout.on("data", (text: Buffer) => (out += text.toString()));
  return () => out.split("\n").slice(0, -1);
}

test("a log is followed while it grows, through rotation and emptying, in Avro and in lines", async (t) => {
  const { path } = testFolder(t);
  const file = join(path, "access.avro");
  await append(file, call("/1"));
  const printed = follow(t, file);
  const shows = (target: string) =>
    until(printed, (lines) => lines.at(-1) === shown(target), `${target} is shown`);
  await shows("/1");
  await append(file, call("/2"));
  await shows("/2");
  renameSync(file, `${file}.1`);
  await append(file, call("/3"));
  await shows("/3");
  const json = (target: string) =>
    `${JSON.stringify({ ...call(target), time: "2024-01-31T22:59:58.000Z" })}\n`;
  renameSync(file, `${file}.2`);
  appendFileSync(file, json("/4").slice(0, 20));
  appendFileSync(file, json("/4").slice(20));
  await shows("/4");
  truncateSync(file, 0);
  appendFileSync(file, json("/")); // a byte less than what was there
  await shows("/");
  const targets = ["/1", "/2", "/3", "/4", "/"];
  assert.deepEqual(
    printed(),
    targets.map((target) => shown(target)),
  );
});
