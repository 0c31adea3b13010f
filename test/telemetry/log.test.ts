import { test, type TestContext } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  constants,
  createReadStream,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { logTo } from "../../src/runtime/log-sink.ts";
import { openLogs } from "../../src/telemetry/log.ts";

function collected() {
  const lines: string[] = [];
  const sink = { write: (line: string) => void lines.push(line), flush: () => Promise.resolve() };
  const events = () => lines.map((line) => (JSON.parse(line) as { event: string }).event);
  return { logs: openLogs(sink), lines, events };
}

test("a line is one JSON object with level, time, logger, event and fields", () => {
  const { logs, lines } = collected();
  logs.log("http").info({ event: "listening", port: 4140 });
  const { time, ...rest } = JSON.parse(lines[0] ?? "") as Record<string, unknown>;
  assert.match(String(time), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  assert.deepEqual(rest, { level: "info", logger: "http", event: "listening", port: 4140 });
  assert.ok(lines[0]?.endsWith("}\n"));
});

test("an error is written with its message and stack", () => {
  const { logs, lines } = collected();
  logs.log("http").error({ event: "broke", err: new TypeError("odd") });
  const { err } = JSON.parse(lines[0] ?? "") as { err: Record<string, string> };
  assert.equal(err["type"], "TypeError");
  assert.equal(err["message"], "odd");
  assert.match(err["stack"] ?? "", /log\.test/);
});

test("each logger has its own level, and root sets all of them", () => {
  const { logs, events } = collected();
  const http = logs.log("http");
  const thrift = logs.log("thrift");
  http.debug({ event: "unseen" });
  assert.ok(logs.setLevel("http", "debug"));
  http.debug({ event: "seen" });
  thrift.debug({ event: "unseen" });
  logs.setLevel("root", "WARNING");
  http.info({ event: "unseen" });
  thrift.warn({ event: "warned" });
  logs.setLevel("root", "OFF");
  thrift.error({ event: "unseen" });
  assert.deepEqual(events(), ["seen", "warned"]);
  assert.deepEqual(logs.levels(), [
    { logger: "root", level: "OFF" },
    { logger: "http", level: "OFF" },
    { logger: "thrift", level: "OFF" },
  ]);
});

test("a level set before its logger exists applies to it later", () => {
  const { logs, events } = collected();
  logs.setLevel("later", "ALL");
  logs.log("later").debug({ event: "seen" });
  logs.log("other").debug({ event: "unseen" });
  assert.equal(logs.log("later"), logs.log("later"));
  assert.deepEqual(events(), ["seen"]);
});

test("a level that does not exist is refused and changes nothing", () => {
  const { logs } = collected();
  assert.equal(logs.setLevel("root", "LOUD"), false);
  assert.deepEqual(logs.levels(), [{ logger: "root", level: "INFO" }]);
});

test("a fatal event is above every error", () => {
  const { logs, lines } = collected();
  logs.setLevel("root", "CRITICAL");
  logs.log("root").error({ event: "unseen" });
  logs.fatal({ event: "uncaught exception" });
  assert.match(lines.join(""), /^\{"level":"fatal",.*"uncaught exception"\}\n$/);
});

function folder(t: TestContext): string {
  const made = mkdtempSync(path.join(tmpdir(), "switchyard-log-"));
  t.after(() => rmSync(made, { recursive: true }));
  return made;
}

test("for people a line is text, with quotes only where they are needed", async (t) => {
  const file = path.join(folder(t), "process.log");
  const sink = logTo(file, true);
  const line = {
    level: "warn",
    time: "2024-01-01T00:00:00.000Z",
    logger: "http",
    event: "given up",
    part: "a b",
    count: 2,
    list: [1, 2],
    err: { type: "Error", message: "no", stack: "Error: no\n    at x" },
  };
  sink.write(`${JSON.stringify(line)}\n`);
  await sink.flush();
  assert.equal(
    readFileSync(file, "utf8"),
    '2024-01-01T00:00:00.000Z WARN  http given up part="a b" count=2 list=[1,2] err=\n  Error: no\n    at x\n',
  );
});

test("lines are in the file after a flush, in order, after what was there", async (t) => {
  const file = path.join(folder(t), "process.log");
  writeFileSync(file, "before\n");
  const sink = logTo(file, false);
  for (let index = 0; index < 1_000; index += 1) sink.write(`${index}\n`);
  await sink.flush();
  const expected = ["before", ...Array.from({ length: 1_000 }, (_, index) => `${index}`), ""];
  assert.deepEqual(readFileSync(file, "utf8").split("\n"), expected);
});

test("a full disk loses lines and stops nothing", async () => {
  const sink = logTo("/dev/full", false);
  for (let index = 0; index < 10; index += 1) sink.write("lost\n");
  await sink.flush();
});

test("a reader that is behind bounds what waits, and is told how much it missed", async (t) => {
  const fifo = path.join(folder(t), "fifo");
  const tool = "mkfifo"; // Node cannot make one
  assert.equal(spawnSync(tool, [fifo]).status, 0);
  // Opened for both, so that it need not wait for a reader.
  const writer = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
  const sink = logTo(writer, false);
  const line = `${"x".repeat(1_023)}\n`;
  for (let index = 0; index < 5_000; index += 1) sink.write(line);
  const stream = createReadStream(fifo);
  let text = "";
  stream.on("data", (chunk) => (text += String(chunk)));
  await sink.flush();
  closeSync(writer);
  await once(stream, "end");
  const lost = /"event":"log lines lost","count":(\d+)\}\n/.exec(text);
  const kept = text.split("\n").filter((each) => each.startsWith("xxx")).length;
  assert.equal(kept + Number(lost?.[1]), 5_000);
  assert.ok(kept > 1_000 && kept < 2_000, `${kept}`);
});
