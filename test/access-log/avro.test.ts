// Access logs in Avro: what is written is read back by avsc's own reader, through restarts, crashes and foreign
// files in the place of the log.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  readFileSync,
  readdirSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { AvroContent, avroEncoder } from "../../src/access-log/avro/content.ts";
import { readHeader } from "../../src/access-log/avro/container.ts";
import { accessSchema } from "../../src/access-log/avro/schema.ts";
import type { AccessRecord } from "../../src/access-log/record.ts";
import { linesOfText } from "../../src/runtime/log-content.ts";
import { LogFile } from "../../src/runtime/log-file.ts";
import type { LogFileOptions } from "../../src/runtime/log-file.ts";
import { avroRecords } from "../support/avro-file.ts";
import { simulatedClock } from "../support/clock.ts";
import { testFolder } from "../support/folder.ts";
import { keptLog } from "../support/naming.ts";

const start = new Date(2024, 0, 31, 22, 59, 58).getTime();
const encode = avroEncoder();

function record(sentBytes: number, more: Partial<AccessRecord> = {}): AccessRecord {
  return {
    time: start,
    protocol: "http",
    router: "out",
    remote: "127.0.0.1:5",
    method: "GET",
    target: "/",
    outcome: "success",
    durationMs: 0.25,
    receivedBytes: 0,
    sentBytes,
    path: null,
    client: null,
    endpoint: null,
    traceId: null,
    failure: null,
    detail: null,
    fault: null,
    ...more,
  };
}

function logs(t: TestContext, options: Partial<LogFileOptions> = {}) {
  const folder = testFolder(t);
  const path = join(folder.path, "access.avro");
  const clock = simulatedClock(start);
  const log = keptLog();
  const deps = { clock, log, lost: { value: 0 } };
  const usual = { path, roll: { kind: "never" }, append: true, keepCount: Infinity } as const;
  return {
    path,
    clock,
    log,
    lost: deps.lost,
    files: () => readdirSync(folder.path).sort(),
    at: (name: string) => join(folder.path, name),
    open: () => new LogFile<Buffer>({ ...usual, ...options }, new AvroContent(), deps),
    openText: () => new LogFile<string>({ ...usual, ...options }, linesOfText, deps),
    /** One run of a proxy that logs these. */
    async run(...sizes: readonly number[]) {
      const file = new LogFile<Buffer>({ ...usual, ...options }, new AvroContent(), deps);
      for (const size of sizes) file.write(encode(record(size)));
      await file.close();
    },
    sizes: async (name = "access.avro") =>
      (await avroRecords(join(folder.path, name))).map((each) => each["sentBytes"]),
  };
}

test("a record comes back with its values, what its protocol does not have as null", async (t) => {
  const { open, path } = logs(t);
  const file = open();
  const given = record(7, {
    status: 503,
    detail: "no endpoint \u{1f600} é",
    l5dErr: null,
    seqid: -5,
  });
  file.write(encode(given));
  await file.close();
  const [read] = await avroRecords(path);
  assert.deepEqual(
    Object.keys(read ?? {}),
    accessSchema.fields.map(({ name }) => name),
  );
  for (const [key, value] of Object.entries(read ?? {})) {
    assert.equal(value, (given as unknown as Record<string, unknown>)[key] ?? null, key);
  }
});

test("the schema stands in the file and in docs/access-log.avsc", async (t) => {
  const { run, path } = logs(t);
  await run(1);
  const header = readHeader(readFileSync(path));
  assert.deepEqual(JSON.parse(header?.schema ?? ""), accessSchema);
  assert.deepEqual(JSON.parse(readFileSync("docs/access-log.avsc", "utf8")), accessSchema);
});

test("records are on the disk within a second, in a block of their own", async (t) => {
  const { open, clock, sizes, path } = logs(t);
  const file = open();
  file.write(encode(record(1)));
  file.write(encode(record(2)));
  clock.advance(1_000);
  await file.flush();
  assert.deepEqual(await sizes(), [1, 2]);
  const { size } = statSync(path);
  file.write(encode(record(3)));
  clock.advance(1_000);
  await file.flush();
  assert.ok(statSync(path).size > size);
  assert.deepEqual(await sizes(), [1, 2, 3]);
  await file.close();
});

test("a restart appends", async (t) => {
  const { run, sizes, files } = logs(t);
  await run(1, 2);
  await run(3);
  assert.deepEqual(await sizes(), [1, 2, 3]);
  assert.deepEqual(files(), ["access.avro"]);
});

test("whatever a crash left of the last block is cut, at every length, and the log goes on", async (t) => {
  const { run, sizes, path } = logs(t);
  await run(1, 2);
  const { size } = statSync(path);
  await run(3);
  const whole = readFileSync(path);
  for (let length = size + 1; length < whole.length; length++) {
    writeFileSync(path, whole.subarray(0, length));
    await run(4);
    assert.deepEqual(await sizes(), [1, 2, 4], `${length} bytes`);
  }
});

test("a torn end longer than what is looked through at a time is cut too", async (t) => {
  const { run, sizes, path } = logs(t);
  await run(1);
  appendFileSync(path, Buffer.alloc(700_000, 1));
  await run(2);
  assert.deepEqual(await sizes(), [1, 2]);
});

test("a header that a crash left unfinished is moved away, and another file begins", async (t) => {
  const { run, sizes, path, files, log } = logs(t);
  await run(1);
  truncateSync(path, 100);
  await run(2);
  assert.deepEqual(await sizes(), [2]);
  assert.deepEqual(files(), ["access.avro", "access.avro.20240131-225958"]);
  assert.deepEqual(
    log.events.map(({ event }) => event),
    ["log-file-begins-again"],
  );
});

test("lines of text are moved away, and so are records where lines are to be written", async (t) => {
  const { run, openText, path, sizes, files, at } = logs(t);
  writeFileSync(path, "a line\n");
  await run(1);
  assert.deepEqual(await sizes(), [1]);
  const text = openText();
  text.write("another\n");
  await text.close();
  assert.equal(readFileSync(path, "utf8"), "another\n");
  const [, first = "", second = ""] = files();
  assert.equal(readFileSync(at(first), "utf8"), "a line\n");
  assert.deepEqual(await sizes(second), [1]);
});

test("records of another schema are kept under another name", async (t) => {
  const { run, sizes, path, files } = logs(t);
  await run(1);
  const bytes = readFileSync(path);
  bytes.write("One cull", bytes.indexOf("One call"));
  writeFileSync(path, bytes);
  await run(2);
  const [, older = ""] = files();
  assert.deepEqual([await sizes(), await sizes(older)], [[2], [1]]);
});

test("without append, previous records are discarded", async (t) => {
  const { run, sizes } = logs(t, { append: false });
  await run(1);
  await run(2);
  assert.deepEqual(await sizes(), [2]);
});

test("a rotated file is whole, and the next one has its own header", async (t) => {
  const { open, clock, sizes, files } = logs(t, { roll: { kind: "hourly" } });
  const file = open();
  file.write(encode(record(1)));
  clock.advance(2_000);
  file.write(encode(record(2)));
  await file.close();
  assert.deepEqual(files(), ["access-20240131-22.avro", "access.avro"]);
  assert.deepEqual([await sizes("access-20240131-22.avro"), await sizes()], [[1], [2]]);
});

test("a size rolls files that are whole", async (t) => {
  const { open, sizes, files } = logs(t, { roll: { kind: "size", maxBytes: 5_000 } });
  const file = open();
  for (let i = 0; i < 40; i++) {
    file.write(encode(record(i, { target: `/${Math.sin(i)}${"x".repeat(300)}` })));
    await file.flush();
  }
  await file.close();
  const all = await Promise.all(files().map((name) => sizes(name)));
  assert.ok(all.length > 1, `${all.length} files`);
  assert.deepEqual(
    all.flat().toSorted((a, b) => Number(a) - Number(b)),
    Array.from({ length: 40 }, (_, i) => i),
  );
});

test("a file that another program empties begins again with a header", async (t) => {
  const { open, sizes, path } = logs(t);
  const file = open();
  file.write(encode(record(1)));
  await file.flush();
  truncateSync(path, 0);
  file.write(encode(record(2)));
  await file.close();
  assert.deepEqual(await sizes(), [2]);
});

test("avsc and zlib are loaded only where a log is in Avro", () => {
  const content = new URL("../../src/access-log/avro/content.js", import.meta.url);
  const script = `
    import { createRequire } from "node:module";
    const { cache } = createRequire(import.meta.url);
    const loaded = () => [
      Object.keys(cache).some((path) => path.includes("avsc")),
      process.moduleLoadList.includes("NativeModule zlib"),
    ];
    const { avroEncoder } = await import("${content}");
    const before = loaded();
    avroEncoder();
    console.log(JSON.stringify([before, loaded()]));`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
  });
  assert.equal(stdout.trim(), "[[false,false],[true,true]]", stderr);
});
