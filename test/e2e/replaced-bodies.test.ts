// Answers whose body still flows in when it is put aside for another one.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startProxy } from "../support/proxy.ts";
import { ask, discovery, service } from "../support/services.ts";

test("a diagnostic TRACE of a body that flows has its report, and the proxy goes on", async (t) => {
  const web = await service(t, (_, response) => {
    response.writeHead(200, { "Content-Type": "text/html" });
    response.write("the begin of something that never ends");
  });
  const { rootDir } = discovery(t, { web: [web.port] });
  const proxy = await startProxy(
    t,
    `
    namers: [{ kind: io.l5d.fs, rootDir: ${rootDir} }]
    routers:
    - protocol: http
      label: outgoing
      dtab: /svc => /#/io.l5d.fs
      servers: [{ port: 0 }]`,
  );
  const headers = { Host: "web", "l5d-add-context": "true" };
  for (let i = 0; i < 2; i++) {
    const { status, body } = await ask(proxy.port, "/", headers, "TRACE");
    assert.equal(status, 200);
    assert.match(body, /^The answer had a body that was not kept\.[^]*--- Router: outgoing ---/);
  }
  assert.equal(await proxy.metric("rt/outgoing/service/svc/web/success"), 2);
});

test("clearContext drops the body of an error that flows, and the proxy goes on", async (t) => {
  const web = await service(t, (_, response) => {
    response.writeHead(502, { "l5d-err": "internal+names" });
    response.write("the begin of internal names");
  });
  const { rootDir } = discovery(t, { web: [web.port] });
  const proxy = await startProxy(
    t,
    `
    namers: [{ kind: io.l5d.fs, rootDir: ${rootDir} }]
    routers:
    - protocol: http
      dtab: /svc => /#/io.l5d.fs
      servers: [{ port: 0, clearContext: true }]`,
  );
  for (let i = 0; i < 2; i++) {
    const { status, body, headers } = await ask(proxy.port, "/", { Host: "web" });
    assert.deepEqual([status, body, headers.get("l5d-err")], [502, "", undefined]);
  }
});
