// Warnings about an admin server that lets strangers in.
import assert from "node:assert/strict";
import { test } from "node:test";
import { kinds } from "../../../src/plugins.ts";
import { checkConfig } from "../../support/check.ts";
import { testFolder } from "../../support/folder.ts";

function warningsOf(admin: string): readonly string[] {
  const text = `admin: ${admin}\nrouters: [{ protocol: http, servers: [{}] }]`;
  const checked = checkConfig(text, "test.yaml", kinds);
  return checked.ok ? checked.warnings : assert.fail(checked.problems.join("\n"));
}

test("an admin server beyond loopback that knows nobody is a warning", () => {
  const [first, ...others] = warningsOf("{ ip: 0.0.0.0 }");
  assert.match(first ?? "", /admin\.ip: whoever reaches this address can read names.*write token/);
  assert.deepEqual(others, []);
  assert.deepEqual(warningsOf("{}"), []);
  assert.deepEqual(warningsOf("{ ip: 127.0.0.2 }"), []);
});

test("groups that stay closed to strangers although the file opens them are warnings", () => {
  const warnings = warningsOf(
    "{ ip: 0.0.0.0, security: { controlEnabled: true, diagnosticsEnabled: true } }",
  );
  assert.equal(warnings.length, 3);
  assert.match(warnings[1] ?? "", /security\.controlEnabled: does not open .*\/admin\/shutdown/);
  assert.match(warnings[2] ?? "", /security\.diagnosticsEnabled: does not open/);
});

test("a token in plain text is a warning, with TLS it is not", (t) => {
  const folder = testFolder(t);
  folder.write("token", "a-token-of-some-length\n");
  const [warning] = warningsOf(`{ ip: 0.0.0.0, token: ${folder.path}/token }`);
  assert.match(warning ?? "", /admin\.token: the token crosses the network in plain text/);
  assert.deepEqual(warningsOf(`{ token: ${folder.path}/token }`), []);
});

test("a token file that is missing, empty or guessable prevents a start, and is not shown", (t) => {
  const folder = testFolder(t);
  const contents = {
    empty: "\n# nothing\n",
    short: "secret\n",
    odd: "two words and more of them\n",
  };
  const expected = { empty: /no token/, short: /shorter than 16/, odd: /only letters/ };
  for (const [name, text] of Object.entries(contents)) {
    folder.write(name, text);
    const [warning] = warningsOf(`{ token: ${folder.path}/${name} }`);
    assert.match(warning ?? "", expected[name as keyof typeof expected]);
    assert.doesNotMatch(warning ?? "", /secret|two words/);
  }
  const [missing] = warningsOf("{ token: s3cr3t-that-is-no-path }");
  assert.match(missing ?? "", /no such file.*run does not start/);
  assert.doesNotMatch(missing ?? "", /s3cr3t/);
});
