// Two hundred instances that are none: admin servers that write the pages of busy sidecars.
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fleetFormat } from "../../src/fleet/page/format.ts";
import { seeded } from "../support/random.ts";

const sliceMs = 10_000;

export interface SimulatedInstances {
  readonly ports: readonly number[];
  /** Pages that were asked for. */
  readonly asked: number;
  close(): void;
}

/** Each has `services` services, a client with four endpoints for each, and two servers. */
export async function simulateInstances(
  count: number,
  services: number,
): Promise<SimulatedInstances> {
  const startedMs = Date.now();
  let asked = 0;
  const servers: Server[] = [];
  for (let instance = 0; instance < count; instance++) {
    const server = createServer({ keepAliveTimeout: 65_000 }, (request, response) => {
      asked += 1;
      const after = Number(new URL(request.url ?? "", "http://x").searchParams.get("after"));
      response.end(pageOf(instance, services, startedMs, Date.now(), after));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    servers.push(server);
  }
  return {
    ports: servers.map((server) => (server.address() as AddressInfo).port),
    get asked() {
      return asked;
    },
    close: () => servers.forEach((server) => server.close()),
  };
}

/** As of `nowMs`; of latencies the slices behind `after`. */
export function pageOf(
  instance: number,
  services: number,
  startedMs: number,
  nowMs: number,
  after: number,
): string {
  // It has been running for a minute before it is first asked.
  const elapsedMs = nowMs - startedMs + 60_000;
  const slice = Math.floor(elapsedMs / sliceMs);
  const random = seeded(instance * 1_000 + slice);
  const requests = Math.floor(elapsedMs / 100);
  const lines: unknown[] = [
    {
      switchyardFleet: fleetFormat,
      run: `run-${instance}`,
      at: nowMs,
      startedAt: startedMs - 60_000,
      slice,
      sliceMs,
      name: `sidecar-${instance}`,
      version: "0.1.0",
      configHash: "0123456789ab",
      configFile: null,
      notReady: null,
      routers: [
        { label: "outgoing", protocol: "http", servers: [`10.0.0.${instance}:4140`] },
        { label: "incoming", protocol: "http", servers: [`10.0.0.${instance}:4141`] },
      ],
    },
  ];
  const calls = (kind: string, router: number, name: string, slices: unknown[]) =>
    lines.push([kind, router, name, requests, requests - 3, 3, 1, 12, 80, 600, 9_000, slices]);
  for (let service = 0; service < services; service++) {
    calls("service", 0, `/svc/service-${service}`, slicesOf(slice, after, random));
    calls("client", 0, `/#/io.l5d.consul/dc1/service-${service}`, []);
    const endpoints = [0, 1, 2, 3].map((endpoint) => {
      const address = `10.0.0.${(instance + service * 4 + endpoint) % 250}:4141`;
      return [address, "open", elapsedMs, 12.5, 150, 0.99];
    });
    lines.push(["endpoints", 0, `/#/io.l5d.consul/dc1/service-${service}`, endpoints]);
  }
  calls("server", 0, `10.0.0.${instance}/4140`, []);
  calls("server", 1, `10.0.0.${instance}/4141`, []);
  lines.push({ end: lines.length });
  return `${lines.map((line) => JSON.stringify(line)).join("\n")}\n`;
}

/** Forty buckets each: latencies from 1 ms to some seconds. */
function slicesOf(slice: number, after: number, random: () => number): number[][] {
  const found: number[][] = [];
  for (let number = Math.max(after + 1, slice - 5, 0); number < slice; number++) {
    const row = [number, 1_500, 2_000];
    for (let bucket = 2; bucket < 160; bucket += 4) row.push(bucket, 1 + Math.floor(random() * 9));
    found.push(row);
  }
  return found;
}
