// Pages of any length: refused beyond 64 MB, sent at the reader's pace, without holding up calls.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { maxPageBytes } from "../../src/admin/long-page.ts";
import type { ExporterPage } from "../../src/admin/views.ts";
import { startAdmin } from "./support.ts";

function exporter(maxBytes: number, pieces: () => Iterable<string>): ExporterPage {
  return {
    path: "/x",
    contentType: "text/plain",
    render: () => Promise.resolve({ maxBytes, pieces }),
  };
}

test("a page that may be longer than 64 MB is refused before its first byte", async (t) => {
  const pieces = () => assert.fail("written");
  const { ask } = await startAdmin(t, { exporters: () => [exporter(maxPageBytes + 1, pieces)] });
  const { status, body } = await ask("/x");
  assert.equal(status, 503);
  assert.match(body, /would have 65 MB or more.*no page may have more than 64 MB.*maxServiceNames/);
});

test("a JSON page that would be longer than 64 MB is refused, whatever it shows", async (t) => {
  const name = "x".repeat(1024 * 1024);
  const { ask } = await startAdmin(t, {
    clientState: () => Array.from({ length: 70 }, () => name),
  });
  const { status, body } = await ask("/client_state.json");
  assert.equal(status, 503);
  assert.match(body, /no page may have more than 64 MB/);
});

test("JSON pages say what JSON.stringify says", async (t) => {
  const value = {
    list: [1, "two", null, true, { three: [] }, [[]]],
    gone: undefined,
    empty: {},
    'quo"te': "line\nbreak €",
  };
  const { ask } = await startAdmin(t, { clientState: () => value });
  const { body, headers } = await ask("/client_state.json");
  assert.equal(body, `${JSON.stringify(value)}\n`);
  assert.match(headers["content-type"] ?? "", /^application\/json/);
});

test("a long page is written as its reader takes it, and stops when the reader goes", async (t) => {
  const block = "y".repeat(64 * 1024);
  let written = 0;
  let stop: () => void;
  const stopped = new Promise<void>((resolve) => (stop = resolve));
  const pieces = function* () {
    try {
      for (; written < 1_000; written++) yield block;
    } finally {
      stop();
    }
  };
  const { admin } = await startAdmin(t, { exporters: () => [exporter(1, pieces)] });
  const socket = connect(admin.port, "127.0.0.1");
  socket.write("GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await once(socket, "data");
  socket.pause(); // what is written from here on fills buffers
  for (let before = -1; before !== written;) {
    before = written;
    for (let turn = 0; turn < 200; turn++) await nextTurn();
  }
  assert.ok(written < 500, `${written} blocks for nobody`);
  socket.destroy();
  await stopped;
  assert.ok(written < 500);
});

test("the event loop turns while a long page is sent to a fast reader", async (t) => {
  const block = "z".repeat(64 * 1024);
  const pieces = () => Array.from({ length: 200 }, () => block);
  const { admin } = await startAdmin(t, { exporters: () => [exporter(1, pieces)] });
  let turns = 0;
  let next = setImmediate(function turn() {
    turns += 1;
    next = setImmediate(turn);
  });
  const socket = connect(admin.port, "127.0.0.1");
  socket.write("GET /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  socket.resume();
  await once(socket, "close");
  clearImmediate(next);
  assert.ok(turns >= 200, `${turns} turns`);
});
