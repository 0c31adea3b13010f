// Answers whose body still flows in when it is put aside for another one.
import assert from "node:assert/strict";
import type { OutgoingHttpHeaders } from "node:http";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { startProxy } from "../support/proxy.ts";
import { ask } from "../support/http-request.ts";
import { discovery } from "../support/discovery.ts";
import { service } from "../support/service.ts";

/** A proxy before a service whose responses, with this head, never end. */
async function beforeEndless(
  t: TestContext,
  head: { readonly status: number; readonly fields: OutgoingHttpHeaders },
  serverKeys = "",
) {
  const web = await service(t, (_, response) => {
    response.writeHead(head.status, head.fields);
    response.write("the begin of something that never ends");
  });
  const { rootDir } = discovery(t, { web: [web.port] });
  const naming = `namers: [{ kind: io.l5d.fs, rootDir: ${rootDir} }]`;
  const router = `{ protocol: http, dtab: /svc => /#/io.l5d.fs, servers: [{ port: 0${serverKeys} }] }`;
  return startProxy(t, `${naming}\nrouters: [${router}]`);
}

test("a diagnostic TRACE of a body that flows has its report, and the proxy continues", async (t) => {
  const fields = { "Content-Type": "text/html" };
  const proxy = await beforeEndless(t, { status: 200, fields });
  const headers = { Host: "web", "l5d-add-context": "true" };
  for (let i = 0; i < 2; i++) {
    const { status, body } = await ask(proxy.port, "/", headers, "TRACE");
    assert.equal(status, 200);
    assert.match(body, /^The response had a body that was not kept\.[^]*--- Router: http ---/);
  }
  assert.equal(await proxy.metric("rt/http/service/svc/web/success"), 2);
});

test("clearContext drops an error body that flows, and the proxy continues", async (t) => {
  const fields = { "l5d-err": "internal+names" };
  const proxy = await beforeEndless(t, { status: 502, fields }, ", clearContext: true");
  for (let i = 0; i < 2; i++) {
    const { status, body, headers } = await ask(proxy.port, "/", { Host: "web" });
    assert.deepEqual([status, body, headers.get("l5d-err")], [502, "", undefined]);
  }
});
