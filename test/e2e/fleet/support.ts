// A small mesh of real sidecars, and a fleet that watches them.
import type { TestContext } from "node:test";
import { ask } from "../../support/http-request.ts";
import { startProxy } from "../../support/proxy.ts";
import type { TestProxy } from "../../support/proxy.ts";
import { service } from "../../support/service.ts";
import type { TestService } from "../../support/service.ts";
import { until } from "../../support/until.ts";
import type { Overview, GroupedTopology } from "../../../src/fleet/views/shapes.ts";

/** web's sidecar calls rates' sidecar, which calls the service `rates`. */
export interface Mesh {
  readonly web: TestProxy;
  readonly rates: TestProxy;
  /** The service itself. */
  readonly behind: TestService;
  /** One call through both. */
  call(): Promise<number>;
}

export async function startMesh(t: TestContext): Promise<Mesh> {
  const behind = await service(t, "rate 1.08");
  const rates = await startProxy(
    t,
    `
    routers:
    - protocol: http
      label: incoming
      servers: [{ port: 0 }]
      dtab: /svc/* => /$/inet/127.1/${behind.port}`,
  );
  const web = await startProxy(
    t,
    `
    routers:
    - protocol: http
      label: outgoing
      servers: [{ port: 0 }]
      dtab: /svc/rates => /$/inet/127.1/${rates.port}`,
  );
  const call = async () => (await ask(web.port, "/", { Host: "rates" })).status;
  return { web, rates, behind, call };
}

/** A process with nothing but a fleet, which asks ten times a second. */
export function startFleet(t: TestContext, keys: string): Promise<TestProxy> {
  return startProxy(t, `fleet: { intervalMs: 100, timeoutMs: 1000, ${keys} }`);
}

export async function overviewOf(fleet: TestProxy): Promise<Overview> {
  return JSON.parse(await fleet.admin("/fleet.json")) as Overview;
}

export async function topologyOf(fleet: TestProxy): Promise<GroupedTopology> {
  return JSON.parse(await fleet.admin("/fleet/topology.json")) as GroupedTopology;
}

export function untilOverview(
  fleet: TestProxy,
  isGood: (overview: Overview) => boolean,
  what: string,
): Promise<Overview> {
  return until(() => overviewOf(fleet), isGood, what);
}
