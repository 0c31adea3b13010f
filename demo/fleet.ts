// The whole demo: a folder, ports, discovery, four instances with their sidecars.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pause } from "./child.ts";
import type { Announced, Discovery } from "./discovery.ts";
import { ask } from "./http.ts";
import { Instance, type Around, type InstanceStatus } from "./instance.ts";
import { freePorts } from "./ports.ts";

const plan = [
  { name: "web", service: "web" },
  { name: "converter", service: "converter" },
  { name: "rates-1", service: "rates" },
  { name: "rates-2", service: "rates" },
];
const forgetLimitMs = 3_000;

interface FleetStatus {
  readonly instances: readonly InstanceStatus[];
  /** What the outgoing routers' dtab says. */
  readonly dtab: string;
  readonly folder: string;
}

/** Owns the folder and the instances. */
export interface Fleet {
  readonly folder: string;
  readonly discovery: Discovery;
  readonly instances: readonly Instance[];
  /** Where the page is: the incoming router of web's sidecar. */
  readonly pageUrl: string;
  instance(name: string): Instance | undefined;
  status(): FleetStatus;
  /** Starts all. null when all are ready, else why not. */
  start(): Promise<string | null>;
  /** Stops all and removes the folder. Idempotent. */
  close(): Promise<void>;
  /** For the end of this process: kills what is left, without waiting. Idempotent. */
  abandon(): void;
}

export interface FleetOptions {
  /** The port of the page; it is free. */
  readonly pagePort: number;
  readonly controlUrl: string;
  /** Makes the discovery, which may keep files in the demo's folder. */
  discoverBy(folder: string): Discovery;
  /** Says what happened while nobody asked. */
  say(line: string): void;
}

export async function createFleet(options: FleetOptions): Promise<Fleet> {
  const folder = mkdtempSync(path.join(tmpdir(), "switchyard-demo-"));
  const { pagePort, controlUrl, say } = options;
  const discovery = options.discoverBy(folder);
  const ports = await freePorts(plan.length * 4);
  const around: Around = { discovery, say, untilForgotten: (address) => untilForgotten(address) };
  const instances = plan.map(({ name, service }, index) => {
    const [own = 0, incoming = 0, outgoing = 0, admin = 0] = ports.slice(index * 4, index * 4 + 4);
    const isFront = service === "web";
    const twins = plan.filter((each) => each.service === service).length;
    return new Instance(
      {
        name,
        service,
        // A name of its own too, so that a request can ask for one of several.
        names: twins > 1 ? [service, name] : [service],
        ports: { service: own, incoming: isFront ? pagePort : incoming, outgoing, admin },
        folder,
        args: isFront ? ["--control", controlUrl] : [],
      },
      around,
    );
  });
  async function untilForgotten(address: Announced): Promise<void> {
    const running = instances.filter((each) => each.status().state === "running");
    await Promise.all(running.map((each) => forgottenBy(each, address)));
  }
  return fleetOf(folder, discovery, instances);
}

function fleetOf(folder: string, discovery: Discovery, instances: readonly Instance[]): Fleet {
  const removeFolder = () => rmSync(folder, { recursive: true, force: true });
  const instance = (name: string) => instances.find((each) => each.name === name);
  return {
    folder,
    discovery,
    instances,
    pageUrl: `http://127.0.0.1:${instance("web")?.ports.incoming}`,
    instance,
    status: () => ({
      instances: instances.map((each) => each.status()),
      dtab: discovery.dtab,
      folder,
    }),
    async start() {
      const problem = await discovery.open();
      if (problem !== null) return problem;
      const problems = await Promise.all(instances.map((each) => each.start()));
      const [first, ...others] = problems.filter((each) => each !== null);
      // Mostly they have one cause: the first in full, of the others the first line.
      return first === undefined ? null : [first, ...others.map(firstLine)].join("\n");
    },
    async close() {
      await Promise.all(instances.map((each) => each.close()));
      await discovery.close();
      removeFolder();
    },
    abandon() {
      for (const each of instances) each.abandon();
      discovery.abandon();
      removeFolder();
    },
  };
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? text;
}

/** Until this sidecar's balancers no longer hold `address`, or for a while if it cannot say. */
async function forgottenBy(caller: Instance, { host, port }: Announced): Promise<void> {
  const startedMs = performance.now();
  while (performance.now() - startedMs < forgetLimitMs) {
    try {
      const { body } = await ask(`${caller.status().adminUrl}/client_state.json`);
      if (!body.includes(`"${host}:${port}"`)) return;
    } catch {
      return; // it stopped itself: it sends nothing any more
    }
    await pause(20);
  }
}
