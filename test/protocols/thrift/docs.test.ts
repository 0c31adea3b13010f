// docs/thrift.md tells of everything, and the examples on top of the sources pass the check.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import { thrift } from "../../../protocols/thrift/index.ts";
import { checkConfig } from "../../support/check.ts";
import { kinds } from "../../config/real-kinds.ts";

const page = readFileSync(resolve("docs", "thrift.md"), "utf8");

test("docs/thrift.md tells of every key that Thrift adds", () => {
  const { routerKeys, serverKeys, clientKeys, serviceKeys } = thrift;
  for (const keys of [routerKeys, serverKeys, clientKeys, serviceKeys]) {
    for (const key of Object.keys(keys)) assert.ok(page.includes(`| \`${key}\` |`), key);
  }
});

test("docs/thrift.md tells of every identifier and of every classifier", () => {
  for (const { kind } of thrift.identifiers) assert.ok(page.includes(`| \`${kind}\``), kind);
  for (const { kind } of thrift.classifiers) assert.ok(page.includes(`| \`${kind}\``), kind);
});

for (const name of ["identifiers", "classifiers", "access-log"]) {
  test(`the example on top of ${name}.ts passes the check`, () => {
    const source = readFileSync(resolve("protocols", "thrift", `${name}.ts`), "utf8");
    const lines = source.split("\n").filter((line) => /^\/\/ {3}/.test(line));
    const yaml = lines.map((line) => line.slice(5)).join("\n");
    assert.match(yaml, /^routers:/);
    const result = checkConfig(yaml, name, kinds);
    assert.deepEqual(result.ok ? [] : result.problems, []);
  });
}
