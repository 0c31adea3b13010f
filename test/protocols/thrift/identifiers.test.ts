// How Thrift calls get their names.
import assert from "node:assert/strict";
import { test } from "node:test";
import { identifiers } from "../../../protocols/thrift/identifiers.ts";
import { pathLiteral } from "../../../src/core/names/path.ts";

const prefix = pathLiteral("/svc");

interface Named {
  readonly method?: string;
  readonly dest?: string;
  readonly isNamedByMethod?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request with what identifiers look at. */
function named({ method = "ping", dest = "/", isNamedByMethod = false, headers }: Named) {
  const fields = new Map(Object.entries(headers ?? {}));
  const header = headers === undefined ? null : { fields };
  return {
    method,
    dest: pathLiteral(dest),
    isNamedByMethod,
    transportHeaders: { header },
  } as never;
}

function identify(kind: string, request: Named, config: object = {}): string {
  const plugin = identifiers.find((each) => each.kind === kind);
  assert.ok(plugin);
  const name = plugin.create({ kind, ...config } as never, { prefix })(named(request));
  return typeof name === "string" ? name : name.unidentified;
}

test("names are made of dest, service and method, as Linkerd makes them", () => {
  const table: readonly [method: string, dest: string, plain: string, byMethod: string][] = [
    ["ping", "/", "/svc", "/svc/ping"],
    ["Calc:add", "/", "/svc/Calc", "/svc/Calc/add"],
    ["get", "/users", "/svc/users", "/svc/users/get"],
    ["Calc:add", "/users/eu", "/svc/users/eu/Calc", "/svc/users/eu/Calc/add"],
    ["a:b:c", "/", "/svc", "/svc/a:b:c"],
    ["com.example.Calc:add", "/", "/svc/com.example.Calc", "/svc/com.example.Calc/add"],
    ["a/b:c/d", "/", "/svc/a/b", "/svc/a/b/c/d"],
    ["Calc:", "/", "/svc", "/svc/Calc:"],
    [":add", "/", "/svc", "/svc/:add"],
    ["", "/", "/svc", "/svc"],
    ["mé", "/", "/svc", "/svc/\\x6d\\xc3\\xa9"],
  ];
  for (const [method, dest, plain, byMethod] of table) {
    assert.equal(identify("io.l5d.thrift", { method, dest }), plain, method);
    const request = { method, dest, isNamedByMethod: true };
    assert.equal(identify("io.l5d.thrift", request), byMethod, method);
  }
});

test("a header names a call by a path, or by one segment", () => {
  const by = (headers: Readonly<Record<string, string>>, config: object) =>
    identify("io.l5d.thrift.header", { headers }, config);
  assert.equal(by({ service: "/users/eu" }, { header: "service" }), "/svc/users/eu");
  assert.equal(by({ service: "users" }, { header: "service" }), "/svc/users");
  assert.equal(by({ service: "a b" }, { header: "service" }), "/svc/\\x61\\x20\\x62");
  assert.match(by({ other: "users" }, { header: "service" }), /has no header service/);
  assert.match(by({ service: "/a//b" }, { header: "service" }), /header service is not a path/);
  assert.match(identify("io.l5d.thrift.header", {}, { header: "x" }), /has no header x/);
});
