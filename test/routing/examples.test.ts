// The YAML on top of each plugin's file is an example that works.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as v from "valibot";
import { parse } from "yaml";
import { consecutiveFailures } from "../../src/routing/accruals/consecutive-failures.ts";
import { none } from "../../src/routing/accruals/none.ts";
import { aperture } from "../../src/routing/balancers/aperture.ts";
import { ewma } from "../../src/routing/balancers/ewma.ts";
import { heap } from "../../src/routing/balancers/heap.ts";
import { p2c } from "../../src/routing/balancers/p2c.ts";
import { roundRobin } from "../../src/routing/balancers/round-robin.ts";

const files = {
  "accruals/consecutive-failures.ts": consecutiveFailures,
  "accruals/none.ts": none,
  "balancers/aperture.ts": aperture,
  "balancers/ewma.ts": ewma,
  "balancers/heap.ts": heap,
  "balancers/p2c.ts": p2c,
  "balancers/round-robin.ts": roundRobin,
};

/** The indented lines of the comment on top. */
function exampleIn(file: string): Record<string, unknown> {
  const lines = readFileSync(`src/routing/${file}`, "utf8").split("\n");
  const comment = lines.slice(
    0,
    lines.findIndex((line) => !line.startsWith("//")),
  );
  const yaml = comment.filter((line) => line.startsWith("//   ")).map((line) => line.slice(5));
  return parse(yaml.join("\n")) as Record<string, unknown>;
}

for (const [file, { kind, schema }] of Object.entries(files)) {
  test(`the example of ${kind} is a configuration`, () => {
    const example = exampleIn(file);
    const section = file.startsWith("accruals/") ? "failureAccrual" : "loadBalancer";
    assert.deepEqual(Object.keys(example), [section]);
    const parsed = v.safeParse(schema, example[section]);
    assert.ok(parsed.success, parsed.issues?.map(({ message }) => message).join());
  });
}
