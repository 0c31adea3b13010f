// The HTTP API of a name server, route by route: what namerctl and dashboards send, and what they get.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { testFolder } from "../support/folder.ts";
import { nameServer } from "./support.ts";

const json = { "Content-Type": "application/json" };
const text = { "Content-Type": "application/dtab" };

async function withUsers(t: TestContext) {
  const folder = testFolder(t);
  folder.write("users", "127.0.0.1 8081\n127.0.0.1 8082 * 3\n");
  const server = await nameServer(
    t,
    `
    namers: [{ kind: io.l5d.fs, rootDir: ${folder.path} }]
    storage: { kind: io.l5d.inMemory, namespaces: { default: "/svc => /#/io.l5d.fs" } }
    interfaces: [{ kind: io.l5d.httpController, port: 0 }]
    `,
  );
  return { folder, server };
}

test("namespaces are listed in order, with a line feed at the end", async (t) => {
  const { server } = await withUsers(t);
  await server.put("apples", "/svc => /#/io.l5d.fs");
  const { status, headers, body } = await server.ask("GET", "/dtabs");
  assert.equal(status, 200);
  assert.equal(headers.get("content-type"), "application/json");
  assert.equal(body, '["apples","default"]\n');
});

test("a dtab is created once: 204, then 409", async (t) => {
  const { server } = await withUsers(t);
  const dtab = '[{"prefix":"/svc","dst":"/#/io.l5d.fs"}]';
  assert.equal((await server.ask("POST", "/dtabs/new", dtab, json)).status, 204);
  assert.equal((await server.ask("POST", "/dtabs/new", dtab, json)).status, 409);
});

test("a dtab is read as JSON, or as the text that the caller accepts, with its ETag", async (t) => {
  const { server } = await withUsers(t);
  const asJson = await server.ask("GET", "/dtabs/default");
  assert.equal(asJson.body, '[{"prefix":"/svc","dst":"/#/io.l5d.fs"}]\n');
  assert.equal(asJson.headers.get("etag"), "AAAAAAAAAAE=");
  const asText = await server.ask("GET", "/dtabs/default", "", {
    Accept: "text/html, application/dtab;q=0.9",
  });
  assert.equal(asText.headers.get("content-type"), "application/dtab");
  assert.equal(asText.body, "/svc=>/#/io.l5d.fs\n");
});

test("HEAD gives the ETag and no body; a namespace that does not exist is 404", async (t) => {
  const { server } = await withUsers(t);
  const { status, headers, body } = await server.ask("HEAD", "/dtabs/default");
  assert.deepEqual([status, headers.get("etag"), body], [200, "AAAAAAAAAAE=", ""]);
  assert.equal((await server.ask("HEAD", "/dtabs/none")).status, 404);
  assert.equal((await server.ask("GET", "/dtabs/none")).status, 404);
});

test("a write with If-Match succeeds for the current version only", async (t) => {
  const { server } = await withUsers(t);
  const put = (match: string, namespace = "default") =>
    server.ask("PUT", `/dtabs/${namespace}`, "/a => /b", { ...text, "If-Match": match });
  assert.equal((await put("AAAAAAAAAAI=")).status, 412);
  assert.equal((await put("AAAAAAAAAAE=")).status, 204);
  assert.equal((await put("AAAAAAAAAAE=")).status, 412, "somebody has written since");
  assert.equal((await put("AAAAAAAAAAE=", "none")).status, 404);
});

test("a write without If-Match creates what is not there", async (t) => {
  const { server } = await withUsers(t);
  assert.equal((await server.ask("PUT", "/dtabs/fresh", "/a => /b", text)).status, 204);
  assert.equal((await server.ask("GET", "/dtabs/fresh")).status, 200);
});

test("a dtab is deleted: 204, then 404", async (t) => {
  const { server } = await withUsers(t);
  assert.equal((await server.ask("DELETE", "/dtabs/default")).status, 204);
  assert.equal((await server.ask("DELETE", "/dtabs/default")).status, 404);
  assert.equal((await server.ask("GET", "/dtabs")).body, "[]\n");
});

for (const [what, body, headers, says] of [
  ["a dtab that does not parse", "/svc > /host", text, /'=>'/],
  ["JSON with null in it", "[null]", json, /entry 1/],
  ["JSON that is cut off", '[{"prefix":', json, /not JSON/],
  ["a content type that is no dtab's", "/a => /b", { "Content-Type": "image/png" }, /image\/png/],
  ["a namespace with a slash", "/a => /b", text, /letters, digits/],
] as const) {
  test(`${what} is 400, and says why`, async (t) => {
    const { server } = await withUsers(t);
    const name = what.includes("slash") ? "a/b" : "default";
    const response = await server.ask("PUT", `/dtabs/${name}`, body, headers);
    assert.equal(response.status, 400);
    assert.match(response.body, says);
  });
}

test("a dtab beyond 512 KiB is 413, and says so", async (t) => {
  const { server } = await withUsers(t);
  const { status, body } = await server.ask("PUT", "/dtabs/big", "/a => /b;".repeat(60_000), text);
  assert.equal(status, 413);
  assert.match(body, /524288 bytes/);
});

test("bind gives the tree without paths, addr the addresses of an id", async (t) => {
  const { server } = await withUsers(t);
  const { body } = await server.ask("GET", "/bind/default?path=/svc/users");
  const tree = JSON.parse(body) as { type: string; bound: { id: string; path: string } };
  assert.deepEqual(Object.keys(tree), ["type", "bound"]);
  assert.deepEqual([tree.type, tree.bound.id], ["leaf", "/#/io.l5d.fs/users"]);
  const addresses = await server.ask("GET", "/addr/default?path=/%23/io.l5d.fs/users");
  assert.equal(
    addresses.body,
    '{"type":"bound","addrs":[{"ip":"127.0.0.1","port":8081,"meta":{}},{"ip":"127.0.0.1","port":8082,"meta":{"endpoint_addr_weight":3}}],"meta":{}}\n',
  );
});

test("a name without a binding is neg, with a namespace that does not exist as well", async (t) => {
  const { server } = await withUsers(t);
  assert.equal((await server.ask("GET", "/bind/default?path=/svc/none")).body, '{"type":"neg"}\n');
  assert.equal((await server.ask("GET", "/bind/none?path=/svc/users")).body, '{"type":"neg"}\n');
  assert.equal(
    (await server.ask("GET", "/resolve/default?path=/svc/none")).body,
    '{"type":"neg"}\n',
  );
});

test("the dtab of a caller comes after that of the namespace", async (t) => {
  const { server } = await withUsers(t);
  const dtab = encodeURIComponent("/svc/other => /svc/users");
  const { body } = await server.ask("GET", `/resolve/default?path=/svc/other&dtab=${dtab}`);
  assert.match(body, /"port":8081/);
});

test("delegate shows each step, with a namespace or with the caller's dtab alone", async (t) => {
  const { server } = await withUsers(t);
  const own = await server.ask("GET", "/delegate/default?path=/svc/users");
  assert.match(own.body, /"dentry":\{"prefix":"\/svc","dst":"\/#\/io.l5d.fs"\}/);
  const dtab = encodeURIComponent("/x => /#/io.l5d.fs/users");
  const alone = await server.ask("GET", `/delegate?path=/x&dtab=${dtab}`);
  assert.match(alone.body, /"id":"\/#\/io.l5d.fs\/users"/);
});

test("bound-names lists what the namers have", async (t) => {
  const { server } = await withUsers(t);
  assert.equal((await server.ask("GET", "/bound-names")).body, '["/#/io.l5d.fs/users"]\n');
});

test("a bad path is 400, an unknown page 404", async (t) => {
  const { server } = await withUsers(t);
  const bad = await server.ask("GET", "/bind/default?path=users");
  assert.equal(bad.status, 400);
  assert.match(bad.body, /^Invalid path: users/);
  assert.equal((await server.ask("GET", "/nothing")).status, 404);
  assert.equal((await server.ask("GET", "/bind?path=/svc/users")).status, 404);
});

test("a watch of a dtab sends each change as a line, and nothing before it exists", async (t) => {
  const { server } = await withUsers(t);
  const lines = await server.watch("/dtabs/later?watch=true");
  await server.put("later", "/a => /b");
  assert.equal(await lines.next(), '[{"prefix":"/a","dst":"/b"}]');
  await server.put("later", "/a => /c");
  assert.equal(await lines.next(), '[{"prefix":"/a","dst":"/c"}]');
});

test("a watch of all namespaces tells of new ones", async (t) => {
  const { server } = await withUsers(t);
  const lines = await server.watch("/dtabs?watch=true");
  assert.equal(await lines.next(), '["default"]');
  await server.put("more", "/a => /b");
  assert.equal(await lines.next(), '["default","more"]');
});

test("a watch of a name follows its dtab; one of addresses, its endpoints", async (t) => {
  const { server, folder } = await withUsers(t);
  const tree = await server.watch("/bind/default?path=/svc/users&watch=true");
  assert.match((await tree.next()) ?? "", /"id":"\/#\/io.l5d.fs\/users"/);
  const addresses = await server.watch("/addr/default?path=/%23/io.l5d.fs/users&watch=true");
  assert.match((await addresses.next()) ?? "", /8081/);
  folder.write("users", "127.0.0.1 9999\n");
  assert.match((await addresses.next()) ?? "", /"port":9999/);
  await server.put("default", "/svc => /$/inet/127.0.0.1/1");
  assert.match((await tree.next()) ?? "", /"id":"\/\$\/inet\/127.0.0.1\/1"/);
});

test("the admin server shows a namespace's delegation, and a file without storage is refused", async (t) => {
  const { server } = await withUsers(t);
  const page = await server.proxy.admin("/dtab/delegator.json?namespace=default&path=/svc/users");
  assert.match(page, /"id":"\/#\/io.l5d.fs\/users"/);
});
