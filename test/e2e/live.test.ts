// What changes while calls flow: endpoint files, dtab files. No call fails for it.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { testFolder } from "../support/folder.ts";
import { load } from "../support/load.ts";
import { startProxy } from "../support/proxy.ts";
import { ask } from "../support/http-request.ts";
import { discovery } from "../support/discovery.ts";
import { service } from "../support/service.ts";
import { until } from "../support/until.ts";

const allAre = (wanted: string) => (bodies: readonly string[]) =>
  bodies.every((body) => body === wanted);

test("a changed endpoint file moves traffic without a failed call", async (t) => {
  const [blue, green] = [await service(t, "blue"), await service(t, "green")];
  const disco = discovery(t, { web: [blue.port] });
  const proxy = await startProxy(
    t,
    `
    namers: [{ kind: io.l5d.fs, rootDir: ${disco.rootDir} }]
    routers: [{ protocol: http, dtab: "/svc => /#/io.l5d.fs", servers: [{ port: 0 }] }]`,
  );
  const calls = await load(t, proxy.port, "web");
  assert.ok(allAre("blue")(calls.bodies));
  disco.set("web", [blue.port, green.port]);
  await until(
    () => calls.bodies,
    (bodies) => bodies.includes("green"),
    "green is used",
  );
  disco.set("web", [green.port]);
  await until(() => calls.bodies, allAre("green"), "only green is used");
  assert.deepEqual(await calls.stop(), []);
});

test("a new file takes the name over from the alternative, and gives it back when removed", async (t) => {
  const [common, own] = [await service(t, "common"), await service(t, "own")];
  const disco = discovery(t, { common: [common.port] });
  const proxy = await startProxy(
    t,
    `
    namers: [{ kind: io.l5d.fs, rootDir: ${disco.rootDir} }]
    routers:
    - protocol: http
      dtab: /svc => /#/io.l5d.fs | /#/io.l5d.fs/common
      servers: [{ port: 0 }]`,
  );
  const calls = await load(t, proxy.port, "web");
  assert.ok(allAre("common")(calls.bodies));
  disco.set("web", [own.port]);
  await until(() => calls.bodies, allAre("own"), "the new file is used");
  disco.remove("web");
  await until(() => calls.bodies, allAre("common"), "the alternative is used again");
  assert.deepEqual(await calls.stop(), []);
});

test("a bad line in an endpoint file keeps the last good endpoints and is logged with its place", async (t) => {
  const web = await service(t, "web");
  const disco = discovery(t, { web: [web.port] });
  const proxy = await startProxy(
    t,
    `
    namers: [{ kind: io.l5d.fs, rootDir: ${disco.rootDir} }]
    routers: [{ protocol: http, dtab: "/svc => /#/io.l5d.fs", servers: [{ port: 0 }] }]`,
  );
  assert.equal((await ask(proxy.port, "/", { Host: "web" })).status, 200);
  disco.set("web", ["127.0.0.1 eighty"]);
  const warning = await until(
    () => proxy.events.find(({ level }) => level === "warn"),
    (event) => event !== undefined,
    "the bad line is logged",
  );
  assert.match(JSON.stringify(warning), /web:1/);
  assert.equal((await ask(proxy.port, "/", { Host: "web" })).body, "web");
});

test("an edited dtab file moves traffic without a failed call, and a bad edit changes nothing", async (t) => {
  const [blue, green] = [await service(t, "blue"), await service(t, "green")];
  const disco = discovery(t, { blue: [blue.port], green: [green.port] });
  const folder = testFolder(t);
  folder.write("routes.dtab", "/svc/web => /#/io.l5d.fs/blue ;\n");
  const proxy = await startProxy(
    t,
    `
    namers: [{ kind: io.l5d.fs, rootDir: ${disco.rootDir} }]
    routers:
    - protocol: http
      interpreter: { kind: io.l5d.fs, dtabFile: ${join(folder.path, "routes.dtab")} }
      servers: [{ port: 0 }]`,
  );
  const calls = await load(t, proxy.port, "web");
  assert.ok(allAre("blue")(calls.bodies));
  folder.write("routes.dtab", "/svc/web => /#/io.l5d.fs/green ;\n");
  await until(() => calls.bodies, allAre("green"), "the edited dtab is used");
  folder.write("routes.dtab", "/svc/web => => /#/io.l5d.fs/blue\n");
  await until(
    () => proxy.events.some((event) => JSON.stringify(event).includes("routes.dtab")),
    (isLogged) => isLogged,
    "the bad edit is logged",
  );
  const before = blue.count;
  folder.write("routes.dtab", "/svc/web => /#/io.l5d.fs/blue | /#/io.l5d.fs/green ;\n");
  await until(() => calls.bodies, allAre("blue"), "the repaired dtab is used");
  assert.ok(blue.count > before);
  assert.deepEqual(await calls.stop(), []);
});

test("the router's dtab wins over the dtab file", async (t) => {
  const [blue, green] = [await service(t, "blue"), await service(t, "green")];
  const folder = testFolder(t);
  folder.write("routes.dtab", `/svc/web => /$/inet/127.1/${blue.port} ;\n`);
  const proxy = await startProxy(
    t,
    `
    routers:
    - protocol: http
      interpreter: { kind: io.l5d.fs, dtabFile: ${join(folder.path, "routes.dtab")} }
      dtab: /svc/web => /$/inet/127.1/${green.port}
      servers: [{ port: 0 }]`,
  );
  assert.equal((await ask(proxy.port, "/", { Host: "web" })).body, "green");
});
