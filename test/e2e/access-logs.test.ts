// Access logs for programs: the same names and types in JSON lines and in Avro records of all protocols.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { accessSchema } from "../../src/access-log/avro/schema.ts";
import { avroRecords } from "../support/avro-file.ts";
import { runProxy } from "../support/command.ts";
import { testFolder } from "../support/folder.ts";
import { ask } from "../support/http-request.ts";
import { loggedCalls } from "../support/logged-calls.ts";
import { pythonWith } from "../support/peers.ts";
import { line } from "../support/terminal.ts";
import { service } from "../support/service.ts";
import { until } from "../support/until.ts";

type Fields = Readonly<Record<string, unknown>>;

/** What JSON calls the types of the schema, and whether null may stand instead. */
const types = new Map<string, readonly string[]>(
  accessSchema.fields.map(({ name, type }) => {
    const all = [type].flat().map((each) => (typeof each === "string" ? each : "long"));
    return [name, all.map((each) => (/int|long|double/.test(each) ? "number" : each))];
  }),
);

function assertFits(fields: Fields): void {
  for (const [name, value] of Object.entries(fields)) {
    if (name === "time") continue;
    assert.ok(
      types.get(name)?.includes(value === null ? "null" : typeof value),
      `${name}: ${String(value)}`,
    );
  }
}

/** Of two calls of each protocol: who it was, where it went, how it ended. */
const told = ({ protocol, router, method, target, status, result, outcome, failure }: Fields) =>
  [protocol, router, method, target, status ?? result, outcome, failure].map(String).join(" ");

const expected = [
  "http http GET /a?b 200 success null",
  "http http-broken GET /a?b 502 failure connect",
  "thrift thrift get null reply success null",
  "thrift thrift-broken get null error failure connect",
  "mux mux Tdispatch /users ok success null",
  "mux mux-broken Tdispatch /users nack failure connect",
  "thriftmux thriftmux get / reply success null",
  "thriftmux thriftmux-broken get / error failure connect",
];

test("JSON lines of all protocols have the same keys, numbers that are numbers, and times of ISO 8601", async (t) => {
  const files = await loggedCalls(t, "json");
  const lines = files.flatMap((file) => readFileSync(file, "utf8").trimEnd().split("\n"));
  const read = lines.map((line) => JSON.parse(line) as Fields);
  for (const fields of read) {
    assertFits(fields);
    assert.match(String(fields["time"]), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    for (const { name, type } of accessSchema.fields) {
      if (!Array.isArray(type)) assert.ok(name in fields, name);
    }
  }
  assert.deepEqual(read.map(told), expected);
});

test("Python reads the same from Avro, and every field of every protocol", async (t) => {
  const python = pythonWith(t, "avro");
  if (python === null) return;
  const files = await loggedCalls(t, "avro");
  const script = fileURLToPath(
    new URL("../../../test/support/python/read_avro.py", import.meta.url),
  );
  const read = files.flatMap((file) => {
    const { stdout, stderr, status } = spawnSync(python, ["-B", script, file], {
      encoding: "utf8",
    });
    assert.equal(status, 0, stderr);
    return stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Fields);
  });
  for (const fields of read) {
    assertFits(fields);
    assert.deepEqual(Object.keys(fields).sort(), [...types.keys()].sort());
    assert.match(String(fields["time"]), /^\d{4}-\d\d-\d\dT.*\+00:00$/);
  }
  assert.deepEqual(read.map(told), expected);
  assert.equal(
    read[0]?.["userAgent"],
    'a "b" \u00c3\u00a9',
    "header bytes are latin1, as everywhere",
  );
});

test("switchyard logs cat reads what the proxy writes, in each format and of each protocol", async (t) => {
  const withoutTimes = (text: string) => text.replaceAll(/^\S+ |[\d.]+ ms/gm, "");
  const read = async (format: string, ...options: readonly string[]) => {
    const files = await loggedCalls(t, format);
    const { code, out, error } = await line(["logs", "cat", ...files, ...options]);
    assert.deepEqual([code, error], [0, ""]);
    return withoutTimes(out)
      .replaceAll(/:\d{4,5}/g, "")
      .trimEnd()
      .split("\n");
  };
  const [avro, json, common] = [await read("avro"), await read("json"), await read("common")];
  assert.equal(avro.length, 8);
  assert.deepEqual(avro, json);
  assert.equal(common.length, 8);
  assert.equal(avro[2], "thrift reply get  /svc -> 127.0.0.1  ");
  assert.equal((await read("avro", "--where", "outcome = failure and protocol ~ mux")).length, 2);
});

test("a proxy that is killed loses what it logged in the last second, and the next one appends", async (t) => {
  const file = join(testFolder(t).path, "access.avro");
  const web = await service(t, (_, response) => void response.end("hello"));
  const yaml = `
    routers:
    - protocol: http
      httpAccessLog: ${file}
      httpAccessLogFormat: avro
      dtab: /svc => /$/inet/127.0.0.1/${web.port} ;
      servers: [{ port: 0 }]`;
  const size = () => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  const first = await runProxy(t, yaml);
  await ask(first.portOf(), "/1", { Host: "web" });
  await until(size, (bytes) => bytes > 0, "the first call is on the disk");
  const written = await until(
    () => avroRecords(file),
    ({ length }) => length === 1,
    "one record",
  );
  assert.equal(written[0]?.["target"], "/1");
  await ask(first.portOf(), "/2", { Host: "web" });
  first.signal("SIGKILL");
  await first.ended;

  const second = await runProxy(t, yaml);
  await ask(second.portOf(), "/3", { Host: "web" });
  second.signal("SIGTERM");
  await second.ended;
  const targets = (await avroRecords(file)).map(({ target }) => target);
  assert.deepEqual(
    targets.filter((target) => target !== "/2"),
    ["/1", "/3"],
  );
});
