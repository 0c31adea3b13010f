// The settings of a name, as the admin server and `explain` show them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { policyText } from "../../src/assemble/policy.ts";
import { pathLiteral } from "../../src/core/names/path.ts";
import { checkConfig } from "../support/check.ts";
import { kinds } from "../../src/plugins.ts";
import { startProxy } from "../support/proxy.ts";
import { ask } from "../support/http-request.ts";
import { discovery } from "../support/discovery.ts";
import { service } from "../support/service.ts";

const policy = `
  service:
    kind: io.l5d.static
    configs:
    - { prefix: /, totalTimeoutMs: 9000 }
    - { prefix: /svc/web, totalTimeoutMs: 300 }
  client: { requestAttemptTimeoutMs: 100 }
`;

interface Shown {
  readonly value: unknown;
  readonly from: string;
}
interface Page {
  readonly service?: Readonly<Record<string, Shown>>;
  readonly clients: Readonly<Record<string, Readonly<Record<string, Shown>>>>;
}

test("policy.json shows each setting of a name and of its clients, and what gave it", async (t) => {
  const web = await service(t, "fine");
  const { rootDir } = discovery(t, { web: [web.port] });
  const proxy = await startProxy(
    t,
    `
namers: [{ kind: io.l5d.fs, rootDir: ${rootDir} }]
routers:
- protocol: http
  dtab: /svc => /#/io.l5d.fs ;
  servers: [{ port: 0 }]
${policy}`,
  );
  const page = async (path: string) =>
    JSON.parse(await proxy.admin(`/http/policy.json?path=${path}`)) as Page;
  assert.deepEqual((await page("/svc/web")).clients, {}, "before its first call");
  await ask(proxy.port, "/", { Host: "web" });
  const { service: settings, clients } = await page("/svc/web");
  assert.deepEqual(settings?.["totalTimeoutMs"], {
    value: 300,
    from: "service.configs[1], prefix /svc/web",
  });
  assert.equal(settings["retries"]?.from, "default");
  assert.deepEqual(settings["retryBufferKB"], { value: 64, from: "default" });
  const client = clients["/#/io.l5d.fs/web"];
  assert.deepEqual(client?.["requestAttemptTimeoutMs"], { value: 100, from: "client" });
  assert.deepEqual(client["connectTimeoutMs"], { value: 1000, from: "default" });
  const byId = await page("/%23/io.l5d.fs/anything");
  assert.equal(byId.service, undefined);
  assert.deepEqual(Object.keys(byId.clients), ["/#/io.l5d.fs/anything"]);
  assert.match(await proxy.admin("/http/policy.json"), /path=\/svc\/\.\.\. is missing/);
  assert.match(await proxy.admin("/http/policy.json?path=svc"), /Invalid path/);
});

test("people see what is not a default, and where it stands", () => {
  const yaml = `routers:\n- protocol: http\n  servers: [{}]\n${policy.replace("client:", "client: #")}`;
  const checked = checkConfig(yaml, "test.yaml", kinds);
  if (!checked.ok) assert.fail(checked.problems.join("\n"));
  const [router] = checked.config.routers;
  assert.ok(router !== undefined);
  const lines = policyText(router, pathLiteral("/svc/web"), [pathLiteral("/#/io.l5d.fs/web")]);
  assert.deepEqual(lines, [
    "service policy of /svc/web, the rest are defaults:",
    "  totalTimeoutMs: 300  (service.configs[1], prefix /svc/web)",
    "client policy of /#/io.l5d.fs/web: all defaults",
  ]);
});
