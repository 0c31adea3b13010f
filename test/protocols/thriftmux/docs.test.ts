// docs/thriftmux.md tells of every key, by itself or by the pages that it builds on.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import { thriftmux } from "../../../protocols/thriftmux/index.ts";

const page = readFileSync(resolve("docs", "thriftmux.md"), "utf8");

test("docs/thriftmux.md tells of every key", () => {
  const { routerKeys, serverKeys, clientKeys, serviceKeys } = thriftmux;
  for (const keys of [routerKeys, serverKeys, clientKeys, serviceKeys]) {
    const own = Object.keys(keys).filter((key) => !key.startsWith("thriftAccessLog"));
    for (const key of own) assert.ok(page.includes(`\`${key}\``), key);
  }
});
