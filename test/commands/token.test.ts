// Commands that ask an admin server with a token.
import assert from "node:assert/strict";
import { test } from "node:test";
import { testFolder } from "../support/folder.ts";
import { startProxy } from "../support/proxy.ts";
import { line } from "../support/terminal.ts";

test("explain sends the token of --token-file, or of the environment, and says when it is missing", async (t) => {
  const folder = testFolder(t);
  folder.write("token", "# two while one is replaced\nthe-old-token-0123\nthe-new-token-4567\n");
  const { adminPort } = await startProxy(
    t,
    `
    admin: { port: 0, token: ${folder.path}/token }
    routers:
    - protocol: http
      dtab: /svc => /$/inet/127.1/8080 ;
      servers: [{ port: 0 }]`,
  );
  const explain = (...more: readonly string[]) =>
    line(["explain", `http://127.0.0.1:${adminPort}`, "/svc/users", ...more]);
  const without = await explain();
  assert.equal(without.code, 1);
  assert.match(
    without.error,
    /wants its token: name the file with --token-file, or set SWITCHYARD_TOKEN/,
  );
  const named = await explain("--token-file", `${folder.path}/token`);
  assert.equal(named.code, 0, named.error);
  assert.match(named.out, /inet\/127\.1\/8080/);
  process.env["SWITCHYARD_TOKEN"] = "the-new-token-4567";
  t.after(() => delete process.env["SWITCHYARD_TOKEN"]);
  assert.equal((await explain()).code, 0);
  folder.write("wrong", "a-token-of-somebody-else\n");
  const wrong = await explain("--token-file", `${folder.path}/wrong`);
  assert.equal(wrong.code, 1);
  assert.doesNotMatch(wrong.error, /somebody/);
});
