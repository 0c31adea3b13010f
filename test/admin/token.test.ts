// The token of the admin server.
import assert from "node:assert/strict";
import { test } from "node:test";
import { tokenDigest } from "../../src/admin/authentication.ts";
import { startAdmin } from "./support.ts";

const token = () => [tokenDigest("the-old-token-0123"), tokenDigest("the-new-token-4567")];
const bearer = (text: string) => ({ headers: { authorization: `Bearer ${text}` } });
const basic = (text: string) => ({
  headers: { authorization: `Basic ${Buffer.from(text).toString("base64")}` },
});

test("without the token, nothing but ping and ready responds, not even which pages there are", async (t) => {
  const { ask } = await startAdmin(t, { shutdown: () => assert.fail("shut down") }, { token });
  for (const path of ["/", "/config.json", "/admin/metrics.json", "/none", "/admin/shutdown"]) {
    for (const method of ["GET", "POST"]) {
      const { status, headers, body } = await ask(path, { method });
      assert.equal(status, 401, path);
      assert.match(String(headers["www-authenticate"]), /^Bearer .*Basic /);
      assert.match(body, /admin\.token/);
    }
  }
  assert.equal((await ask("/admin/ping")).status, 200);
  assert.equal((await ask("/admin/ready")).status, 200);
});

test("each token of the file is accepted: as a bearer token, or as the password of a browser", async (t) => {
  const { ask } = await startAdmin(t, {}, { token });
  for (const each of ["the-old-token-0123", "the-new-token-4567"]) {
    assert.equal((await ask("/config.json", bearer(each))).status, 200);
    assert.equal((await ask("/config.json", basic(`me:${each}`))).status, 200);
  }
});

test("anything else is refused", async (t) => {
  const { ask } = await startAdmin(t, {}, { token });
  const wrong = [
    bearer("the-old-token-012"),
    bearer("the-old-token-01234"),
    bearer(""),
    basic("the-old-token-0123"),
    basic("the-old-token-0123:"),
    { headers: { authorization: "the-old-token-0123" } },
    { headers: { authorization: "Digest the-old-token-0123" } },
    { headers: { authorization: `Bearer ${"x".repeat(8_000)}` } },
  ];
  for (const asked of wrong) {
    assert.equal((await ask("/config.json", asked)).status, 401, JSON.stringify(asked));
  }
});

test("with a token, hazardous pages and changes are open beyond loopback", async (t) => {
  let stops = 0;
  const changed = { shutdown: () => void (stops += 1) };
  const { ask } = await startAdmin(t, changed, { host: "0.0.0.0", token });
  const known = bearer("the-new-token-4567");
  assert.equal((await ask("/admin/heap", known)).status, 200);
  assert.equal((await ask("/admin/shutdown", { method: "POST", ...known })).status, 200);
  assert.equal(stops, 1);
});
