// The file as it is shown: its lines, without its secrets.
import assert from "node:assert/strict";
import { test } from "node:test";
import { redactedLines } from "../../src/config/redacted-text.ts";

/** Each case: the file, and what is shown of it. */
const cases: readonly (readonly [what: string, file: string, shown: string])[] = [
  [
    "plain",
    "namers:\n- kind: a\n  token: abc # mine\n",
    "namers:\n- kind: a\n  token: [redacted] # mine",
  ],
  ["quoted", `password: "a: # b"\nport: 1`, "password: [redacted]\nport: 1"],
  [
    "in braces",
    "auth: { user: me, secret: xyz, port: 1 }",
    "auth: { user: me, secret: [redacted], port: 1 }",
  ],
  [
    "a block, whose lines keep their numbers",
    "apiKey: |\n  line one\n  line two\nport: 1\n",
    "apiKey: [redacted]\n\n\nport: 1",
  ],
  [
    "a map below",
    "credentials:\n  user: me\n  key: k\nport: 1",
    "credentials:\n  [redacted]\n\nport: 1",
  ],
  [
    "an alias hides what it stands for",
    "x-a: &a hunter2\ntoken: *a\nport: 1",
    "x-a: &a [redacted]\ntoken: *a\nport: 1",
  ],
  [
    "a comment",
    "# token: old-one\nport: 1 # password = y",
    "# token: [redacted]\nport: 1 # password = [redacted]",
  ],
  [
    "nothing to hide",
    "token:\nadmin: { port: 1 } # tokens are in a file\n",
    "token:\nadmin: { port: 1 } # tokens are in a file",
  ],
  ["JSON", '{"token": "abc",\n "port": 1}', '{"token": [redacted],\n "port": 1}'],
];

for (const [what, file, shown] of cases) {
  test(`a secret is not shown, every other line is: ${what}`, () => {
    assert.equal(redactedLines(file).join("\n"), shown);
  });
}

test("what cannot be read is not shown at all", () => {
  assert.deepEqual(redactedLines("token: [abc"), []);
});
