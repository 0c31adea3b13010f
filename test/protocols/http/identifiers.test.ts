import assert from "node:assert/strict";
import { test } from "node:test";
import * as v from "valibot";
import { pathLiteral } from "../../../src/core/names/path.ts";
import { identifiers } from "../../../protocols/http/identifiers.ts";
import type { HttpRequest } from "../../../protocols/http/message.ts";
import { request } from "./messages.ts";

const prefix = pathLiteral("/svc");

function identifier(config: { kind: string; [key: string]: unknown }) {
  const kind = identifiers.find((plugin) => plugin.kind === config.kind);
  if (kind === undefined) throw new Error(`no kind ${config.kind}`);
  return kind.create(v.parse(kind.schema, config), { prefix });
}

/** The name, or why there is none. */
function named(config: { kind: string; [key: string]: unknown }, asked: HttpRequest): string {
  const name = identifier(config)(asked);
  return typeof name === "string" ? name : name.unidentified;
}

function problem(config: { kind: string; [key: string]: unknown }): string {
  const kind = identifiers.find((plugin) => plugin.kind === config.kind);
  const result = v.safeParse(kind?.schema ?? v.never(), config);
  return result.issues?.[0].message ?? "none";
}

const token = { kind: "io.l5d.header.token" };

test("header.token names by the Host, case and port kept, as one segment", () => {
  assert.equal(named(token, request({ host: "foo.com" })), "/svc/foo.com");
  assert.equal(named(token, request({ host: "Foo.com:8080" })), "/svc/Foo.com:8080");
});

test("header.token with lowerCase gives every spelling of a Host the same name", () => {
  const insensitive = { ...token, lowerCase: true };
  for (const host of ["foo.com:8080", "Foo.com:8080", "FOO.COM:8080"]) {
    assert.equal(named(insensitive, request({ host })), "/svc/foo.com:8080");
  }
});

test("header.token escapes what a segment cannot show", () => {
  assert.equal(named(token, request({ host: "a/b" })), "/svc/\\x61\\x2f\\x62");
});

test("header.token accepts neither an absent nor an empty Host", () => {
  assert.equal(named(token, request({ host: null })), "Host header is absent");
  assert.equal(named(token, request({ host: "" })), "Host header is absent");
});

test("header.token reads another header in any case, and an l5d one from the context", () => {
  const byUser = { ...token, header: "X-User" };
  assert.equal(named(byUser, request({ fields: ["A", "b", "x-uSER", "ann"] })), "/svc/ann");
  assert.equal(named(byUser, request()), "X-User header is absent");
  const byContext = { ...token, header: "L5d-Tenant" };
  assert.equal(named(byContext, request({ context: ["l5d-tenant", "blue"] })), "/svc/blue");
  assert.equal(named(byContext, request()), "L5d-Tenant header is absent");
  assert.equal(named({ ...token, header: "Via" }, request({ via: "1.1-x" })), "/svc/1.1-x");
});

test("header.token returns the same name for a known host without making it again", () => {
  const identify = identifier(token);
  const first = identify(request({ host: "a/b" }));
  assert.equal(identify(request({ host: "a/b" })), first);
});

test("a header that says how a message is sent cannot name a service", () => {
  for (const header of ["Connection", "transfer-encoding", "Content-Length"]) {
    assert.match(problem({ ...token, header }), /cannot name a service/);
  }
  assert.match(problem({ ...token, header: "no spaces" }), /expected the name of a header/);
  assert.notEqual(problem({ ...token, heder: "Host" }), "none");
});

test("header reads a path from l5d-name, below the prefix", () => {
  const kind = "io.l5d.header";
  const asks = (value: string) => request({ context: ["l5d-name", value] });
  assert.equal(named({ kind }, asks("/users/7")), "/svc/users/7");
  assert.equal(named({ kind }, asks("")), "l5d-name header is absent");
  assert.equal(named({ kind }, request()), "l5d-name header is absent");
  assert.match(named({ kind }, asks("users")), /^l5d-name header is not a path: '\/' expected/);
  const other = { kind, header: "x-name" };
  assert.equal(named(other, request({ fields: ["X-Name", "/a"] })), "/svc/a");
});

test("methodAndHost names by version, method and the host in lower case", () => {
  const kind = "io.l5d.methodAndHost";
  assert.equal(named({ kind }, request({ host: "Foo.COM:80" })), "/svc/1.1/GET/foo.com:80");
  assert.equal(named({ kind }, request({ version: "1.0", method: "POST" })), "/svc/1.0/POST");
  assert.equal(named({ kind }, request({ host: null })), "Host header is absent");
  assert.equal(named({ kind }, request({ host: "" })), "Host header is absent");
});

test("methodAndHost adds the path of the target with httpUriInDst, without the query", () => {
  const config = { kind: "io.l5d.methodAndHost", httpUriInDst: true };
  assert.equal(named(config, request({ target: "/a/b?c=/d" })), "/svc/1.1/GET/web/a/b");
  assert.equal(named(config, request({ target: "/" })), "/svc/1.1/GET/web");
  assert.equal(named(config, request({ version: "1.0", target: "/a/" })), "/svc/1.0/GET/a");
  assert.equal(named(config, request({ host: null, target: "/a" })), "Host header is absent");
});

test("path names by the first segments of the target", () => {
  const kind = "io.l5d.path";
  assert.equal(named({ kind }, request({ target: "/users/7?x=1" })), "/svc/users");
  assert.equal(named({ kind, segments: 2 }, request({ target: "/users/7?x=1" })), "/svc/users/7");
  assert.equal(named({ kind }, request({ target: "/a%20b" })), "/svc/a%20b");
});

test("path names nothing when there are not enough segments, or an empty one", () => {
  for (const target of ["/", "/?a", "*", "//a", "/a?/b", "/a/", "/a//b"]) {
    const reason = named({ kind: "io.l5d.path", segments: 2 }, request({ target }));
    assert.match(reason, /^not enough segments in path/, target);
  }
});

test("path with consume forwards the rest, its query and its trailing slash", () => {
  const rests: [string, string][] = [
    ["/users/7?x=/1", "/7?x=/1"],
    ["/users", "/"],
    ["/users/", "/"],
    ["/users?x", "/?x"],
    ["/users//a/", "//a/"],
  ];
  for (const [target, rest] of rests) {
    const asked = request({ target });
    assert.equal(named({ kind: "io.l5d.path", consume: true }, asked), "/svc/users");
    assert.equal(asked.target, rest, target);
  }
});

test("path leaves the target alone without consume, and when it names nothing", () => {
  const asked = request({ target: "/users/7" });
  named({ kind: "io.l5d.path" }, asked);
  named({ kind: "io.l5d.path", segments: 3, consume: true }, asked);
  assert.equal(asked.target, "/users/7");
});

test("static gives every request the same name; its path may omit the slash", () => {
  const kind = "io.l5d.static";
  assert.equal(named({ kind, path: "a/b" }, request()), "/svc/a/b");
  assert.equal(named({ kind, path: "/a" }, request({ host: null })), "/svc/a");
  assert.match(problem({ kind, path: "" }), /not empty/);
  assert.match(problem({ kind, path: "a b" }), /expected/);
});
