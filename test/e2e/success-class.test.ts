// What `l5d-success-class` and `l5d-retryable` of a response mean: those of a service as in Linkerd 1,
// those of a proxy before the service as that proxy's verdict.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ask } from "../support/http-request.ts";
import { startProxy } from "../support/proxy.ts";
import { service } from "../support/service.ts";

/** The attempts that are made, and the class that the caller gets. */
type Outcome = "success" | "failure" | "retried";

type Row = readonly [
  status: number,
  successClass: string | null,
  retryable: string | null,
  fromService: Outcome,
  fromProxy: Outcome,
];

const table: readonly Row[] = [
  [200, null, null, "success", "success"],
  [200, null, "true", "success", "success"],
  [200, "1.0", null, "success", "success"],
  [200, "1.0", "true", "success", "success"],
  [200, "0.5", null, "success", "success"],
  [200, "0.5", "true", "success", "success"],
  [200, "0.0", null, "success", "failure"],
  [200, "0.0", "true", "success", "retried"],
  [503, null, null, "failure", "failure"],
  [503, null, "true", "retried", "retried"],
  [503, null, "false", "failure", "failure"],
  [503, "1.0", null, "failure", "success"],
  [503, "1.0", "true", "retried", "success"],
  [503, "0.5", null, "failure", "success"],
  [503, "0.5", "true", "retried", "success"],
  [503, "0.0", null, "failure", "failure"],
  [503, "0.0", "true", "retried", "retried"],
];

const vias: readonly (readonly [via: string | null, isProxy: boolean])[] = [
  [null, false],
  ["1.1 nginx", false],
  ["1.1 not-linkerd", false],
  ["1.1 linkerd", true],
  ["1.1 switchyard", true],
  ["1.1 linkerd, 1.1 nginx", true],
];

test("a service's success class is overwritten, a proxy's counts; both may ask for a retry", async (t) => {
  let fields: Record<string, string> = {};
  let status = 200;
  const web = await service(t, (_request, response) => {
    response.writeHead(status, fields).end();
  });
  const proxy = await startProxy(
    t,
    `
    routers:
    - protocol: http
      dtab: /svc => /$/inet/127.1/${web.port}
      service: { retries: { budget: { minRetriesPerSec: 1000 } } }
      client: { failureAccrual: { kind: none } }
      servers: [{ port: 0 }]`,
  );
  for (const [via, isProxy] of vias) {
    for (const [sentStatus, successClass, retryable, fromService, fromProxy] of table) {
      status = sentStatus;
      fields = {};
      if (via !== null) fields["via"] = via;
      if (successClass !== null) fields["l5d-success-class"] = successClass;
      if (retryable !== null) fields["l5d-retryable"] = retryable;
      const before = web.count;
      const { headers } = await ask(proxy.port, "/", { Host: "web" });
      const expected = isProxy ? fromProxy : fromService;
      const which = `${via} ${status} class ${successClass} retryable ${retryable}`;
      assert.equal(headers.get("l5d-success-class"), expected === "success" ? "1.0" : "0.0", which);
      assert.equal(web.count - before, expected === "retried" ? 3 : 1, which);
    }
  }
});
