import assert from "node:assert/strict";
import { test } from "node:test";
import { linesOf, PassthroughFields } from "../../../../protocols/http/codec/passthrough-fields.ts";
import { serveBytes } from "../harness.ts";

test("lines that are never read are written as received", () => {
  const lines = "Accept: */*\r\nX-Time: 12:30: noon\r\nX-Empty: \r\n";
  assert.equal(new PassthroughFields(lines).lines, lines);
});

test("once the list has been read, changes to it are written", () => {
  const fields = new PassthroughFields("Accept: */*\r\nX-Time: 12:30: noon\r\nX-Empty: \r\n");
  assert.deepEqual(fields.list, ["Accept", "*/*", "X-Time", "12:30: noon", "X-Empty", ""]);
  fields.list[1] = "text/html";
  fields.list.push("X-Late", "1");
  const expected = "Accept: text/html\r\nX-Time: 12:30: noon\r\nX-Empty: \r\nX-Late: 1\r\n";
  assert.equal(fields.lines, expected);
  assert.equal(linesOf(fields.list), expected);
});

/** The lines that pass through of a request with these. */
function passing(...lines: string[]): string {
  const head = ["GET / HTTP/1.1", ...lines, "", ""].join("\r\n");
  const fields = serveBytes([head]).requests[0]?.head["fields"];
  return linesOf(fields as string[]);
}

test("fields that the proxy owns are taken out of the lines that pass", () => {
  assert.equal(
    passing("A: 1", "Host: web", "B: 2", "C: 3", "Keep-Alive: 5", "l5d-x: y", "D: 4"),
    "A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n",
  );
  assert.equal(passing("Host: web"), "");
});

test("white space around a value is normalized, whatever the neighbouring lines", () => {
  const odd = ["A:1", "B:  2", "C: 3\t", "D:", "E: ", "F:\t6"];
  for (const line of odd) {
    const [name = "", value = ""] = line.split(":").map((part) => part.trim());
    const own = `${name}: ${value}\r\n`;
    assert.equal(passing("Host: web", line), own);
    assert.equal(passing("X: 1", line, "Y: 2", "Host: web"), `X: 1\r\n${own}Y: 2\r\n`);
  }
});

test("fields that Connection lists do not pass", () => {
  assert.equal(passing("Host: web", "A: 1", "Connection: b, close", "B: 2"), "A: 1\r\n");
});
