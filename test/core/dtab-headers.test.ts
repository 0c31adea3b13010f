// The older headers for dtabs: every x-dtab field is one half of a pair, or a mistake.
import assert from "node:assert/strict";
import { test } from "node:test";
import { showDtab } from "../../src/core/names/dtab.ts";
import { readDtabHeaders } from "../../src/core/dtab-headers.ts";

test("an x-dtab field that is neither half of a pair is an error, not nothing", () => {
  const pair = [
    ["x-dtab-00-a", "L2E="],
    ["x-dtab-00-b", "L2I="],
  ] as const;
  const good = readDtabHeaders(pair);
  assert.ok(good.ok);
  assert.equal(showDtab(good.value), "/a=>/b");
  assert.ok(!readDtabHeaders([...pair, ["x-dtab-01-c", "L2I="]]).ok);
  assert.ok(!readDtabHeaders([["X-Dtab-00", "L2E="]]).ok);
});
