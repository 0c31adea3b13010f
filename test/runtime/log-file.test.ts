import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { linesOfText } from "../../src/runtime/log-content.ts";
import { LogFile } from "../../src/runtime/log-file.ts";
import type { LogFileOptions } from "../../src/runtime/log-file.ts";
import type { LogEvent } from "../../src/core/log.ts";
import { simulatedClock } from "../support/clock.ts";

const start = new Date(2024, 0, 31, 22, 59, 59).getTime();

function opened(t: TestContext, options: Partial<LogFileOptions> = {}) {
  const folder = mkdtempSync(path.join(tmpdir(), "log-file-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const clock = simulatedClock(start);
  const lost = { value: 0 };
  const events: LogEvent[] = [];
  const note = (event: LogEvent) => void events.push(event);
  const log = { debug: note, info: note, warn: note, error: note };
  const file = path.join(folder, "access.log");
  const open = (own: Partial<LogFileOptions> = {}) => {
    const defaults = {
      path: file,
      roll: { kind: "never" },
      append: true,
      keepCount: Infinity,
    } as const;
    const made = new LogFile({ ...defaults, ...options, ...own }, linesOfText, {
      clock,
      log,
      lost,
    });
    t.after(() => made.close());
    return made;
  };
  const read = (name = "access.log") => readFileSync(path.join(folder, name), "utf8");
  return { folder, file, clock, lost, events, open, read, files: () => readdirSync(folder).sort() };
}

test("lines wait for a second at most, and are written together", async (t) => {
  const { clock, open, files, read } = opened(t);
  const log = open();
  log.write("one\n");
  log.write("two\n");
  clock.advance(999);
  assert.deepEqual(files(), []);
  clock.advance(1);
  await log.flush();
  assert.equal(read(), "one\ntwo\n");
  assert.equal(clock.waiting, 0);
});

test("much to write is not kept waiting", async (t) => {
  const { clock, open, read } = opened(t, { flushBytes: 10 });
  const log = open();
  log.write("12345\n");
  log.write("67890\n");
  assert.equal(clock.waiting, 0, "no timer: it is being written");
  await log.flush();
  assert.equal(read(), "12345\n67890\n");
});

test("close writes what waits; a line after it is lost and counted", async (t) => {
  const { lost, open, read, clock } = opened(t);
  const log = open();
  log.write("last\n");
  await log.close();
  log.write("late\n");
  assert.equal(read(), "last\n");
  assert.equal(lost.value, 1);
  assert.equal(clock.waiting, 0);
});

test("an old file is continued, or thrown away when it shall not be", async (t) => {
  const { file, open, read } = opened(t);
  writeFileSync(file, "old\n");
  const log = open();
  log.write("new\n");
  await log.close();
  assert.equal(read(), "old\nnew\n");
  const fresh = open({ append: false });
  fresh.write("fresh\n");
  await fresh.flush();
  fresh.write("and more\n");
  await fresh.close();
  assert.equal(read(), "fresh\nand more\n");
});

test("a file that would grow too long gets a name with the time, and a new one begins", async (t) => {
  const { clock, open, files, read } = opened(t, { roll: { kind: "size", maxBytes: 12 } });
  const log = open();
  for (const line of ["11111\n", "22222\n", "33333\n"]) {
    log.write(line);
    await log.flush();
  }
  assert.deepEqual(files(), ["access-20240131-225959.log", "access.log"]);
  assert.equal(read("access-20240131-225959.log"), "11111\n22222\n");
  log.write("4444444\n");
  await log.flush();
  assert.equal(read("access-20240131-225959.1.log"), "33333\n", "twice in one second");
  clock.advance(1000);
  log.write("5555555\n");
  await log.flush();
  assert.equal(read("access-20240131-230000.log"), "4444444\n");
  assert.equal(read(), "5555555\n");
});

test("many lines written together are split by the size of a file", async (t) => {
  const { open, files, folder } = opened(t, { roll: { kind: "size", maxBytes: 100 } });
  const log = open();
  for (let i = 0; i < 100; i++) log.write(`line ${String(i).padStart(3, "0")}\n`);
  await log.flush();
  const texts = files().map((name) => readFileSync(path.join(folder, name), "utf8"));
  for (const text of texts) assert.ok(text.length <= 100, String(text.length));
  const lines = texts
    .join("")
    .split("\n")
    .filter((line) => line !== "");
  assert.equal(new Set(lines).size, 100);
});

test("lines of two hours go into two files, although they were written together", async (t) => {
  const { clock, open, read, files } = opened(t, { roll: { kind: "hourly" } });
  const log = open();
  log.write("before\n");
  clock.advance(999);
  log.write("just before\n");
  clock.advance(1);
  log.write("after\n");
  await log.flush();
  assert.deepEqual(files(), ["access-20240131-22.log", "access.log"]);
  assert.equal(read("access-20240131-22.log"), "before\njust before\n");
  assert.equal(read(), "after\n");
});

test("an old file of an earlier day is put away before the first line", async (t) => {
  const { file, open, files, read } = opened(t, { roll: { kind: "daily" } });
  writeFileSync(file, "yesterday\n");
  const yesterday = new Date(2024, 0, 30, 12).getTime() / 1000;
  utimesSync(file, yesterday, yesterday);
  const log = open();
  log.write("today\n");
  await log.flush();
  assert.deepEqual(files(), ["access-20240130.log", "access.log"]);
  assert.equal(read(), "today\n");
});

test("ended files beyond the count are removed, oldest first; files of others are left", async (t) => {
  const { file, folder, open, files } = opened(t, {
    roll: { kind: "size", maxBytes: 4 },
    keepCount: 2,
  });
  const others = ["access-old.log", "access.log.gz", "access-20200101.txt", "other-20200101.log"];
  for (const name of [...others, "access-20200101-000000.log"])
    writeFileSync(path.join(folder, name), "");
  assert.equal(path.basename(file), "access.log");
  const log = open();
  for (const line of ["111\n", "222\n", "333\n", "444\n"]) {
    log.write(line);
    await log.flush();
  }
  const kept = ["access-20240131-225959.1.log", "access-20240131-225959.2.log", "access.log"];
  assert.deepEqual(files(), [...others, ...kept].sort());
});

test("a file that another program moved away is reopened without a signal", async (t) => {
  const { file, open, read } = opened(t);
  const log = open();
  log.write("one\n");
  await log.flush();
  renameSync(file, `${file}.1`);
  log.write("two\n");
  await log.flush();
  assert.equal(read("access.log.1"), "one\n");
  assert.equal(read(), "two\n");
});

test("lost lines are counted and reported once, and so is the recovery", async (t) => {
  const { folder, lost, events, open } = opened(t);
  const missing = path.join(folder, "missing", "access.log");
  const log = open({ path: missing });
  for (const line of ["one\n", "two\n"]) {
    log.write(line);
    await log.flush();
  }
  assert.equal(lost.value, 2);
  assert.deepEqual(
    events.map(({ event }) => event),
    ["log-lines-lost"],
  );
  assert.match(String(events[0]?.["why"]), /ENOENT/);
  await import("node:fs/promises").then((fs) => fs.mkdir(path.dirname(missing)));
  log.write("three\n");
  await log.flush();
  assert.equal(readFileSync(missing, "utf8"), "three\n");
  assert.deepEqual(events[1], { event: "log-lines-written-again", path: missing, lost: 2 });
});

test("lines beyond the bound are dropped and counted; memory is not", async (t) => {
  const { lost, events, open, read } = opened(t, { maxWaitingBytes: 10 });
  const log = open();
  for (const line of ["12345\n", "67\n", "8\n", "9\n"]) log.write(line);
  assert.equal(lost.value, 2);
  assert.equal(events.length, 1);
  await log.flush();
  assert.equal(read(), "12345\n67\n");
  log.write("again\n");
  await log.flush();
  assert.equal(read(), "12345\n67\nagain\n");
  assert.equal(lost.value, 2);
});

const mkfifo = "mkfifo"; // a constant: names of programs are data to knip

test("a pipe gets all lines on one connection, whatever its size says", async (t) => {
  const { file, open } = opened(t);
  spawnSync(mkfifo, [file]);
  const reader = spawn("cat", [file], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => void reader.kill("SIGKILL"));
  let received = "";
  reader.stdout.on("data", (chunk: Buffer) => (received += chunk.toString()));
  const ended = once(reader, "close");
  const log = open();
  for (const line of ["one\n", "two\n", "three\n"]) {
    log.write(line);
    await log.flush();
  }
  await log.close();
  await ended; // with the first end of the pipe
  assert.equal(received, "one\ntwo\nthree\n");
});
