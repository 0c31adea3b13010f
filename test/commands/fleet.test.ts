// `switchyard fleet FILE`: a table of all instances, and what is wrong in the exit code.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startMesh } from "../e2e/fleet/support.ts";
import { deadPort } from "../support/service.ts";
import { testFolder } from "../support/folder.ts";
import { line } from "../support/terminal.ts";

test("fleet --once prints instances and services, and ends with 0 when all is well", async (t) => {
  const mesh = await startMesh(t);
  await mesh.call();
  const folder = testFolder(t);
  const instances = `[web 127.0.0.1:${mesh.web.adminPort}, rates-1 127.0.0.1:${mesh.rates.adminPort}]`;
  folder.write("fleet.yaml", `fleet: { instances: ${instances} }`);
  const { code, out, error } = await line(["fleet", `${folder.path}/fleet.yaml`, "--once"]);
  assert.equal(error, "");
  assert.match(out, /^2 instances from fleet\.instances \(2\)\n/);
  // On a busy machine, the instances' event loops are late, and they say so.
  if (!out.includes("The event loop was")) {
    assert.equal(code, 0);
    assert.match(out, /\n\nNothing is wrong\.\n/);
  }
  assert.match(
    out,
    new RegExp(`^rates-1 +127\\.0\\.0\\.1:${mesh.rates.adminPort} +ready +\\d`, "m"),
  );
  assert.match(out, /^\/svc\/rates +outgoing +1 +\d/m);
});

test("fleet --once ends with 1 and the reason when an instance is down, also as JSON", async (t) => {
  const folder = testFolder(t);
  folder.write("list", `gone 127.0.0.1:${await deadPort()}\n`);
  folder.write("fleet.yaml", `fleet: { file: ${folder.path}/list }`);
  const { code, out } = await line(["fleet", `${folder.path}/fleet.yaml`, "--once"]);
  assert.equal(code, 1);
  assert.match(
    out,
    /^WARNING +gone \(127\.0\.0\.1:\d+\) refuses connections: the process has stopped; it has never responded\. \(.*list:1\)$/m,
  );
  const asJson = await line(["fleet", `${folder.path}/fleet.yaml`, "--once", "--json"]);
  const { problems } = JSON.parse(asJson.out) as { problems: readonly { where: unknown }[] };
  assert.deepEqual(problems[0]?.where, { file: `${folder.path}/list`, line: 1 });
});

test("fleet says when the file has no section fleet", async (t) => {
  const folder = testFolder(t);
  folder.write("proxy.yaml", "routers: [{ protocol: http, servers: [{}] }]");
  const { code, error } = await line(["fleet", `${folder.path}/proxy.yaml`]);
  assert.equal(code, 1);
  assert.match(error, /has no section fleet/);
});
