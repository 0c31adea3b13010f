// The whole demo: a folder, ports, discovery, four instances with their sidecars.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pause } from "./child.ts";
import type { Announced, Discovery } from "./discovery.ts";
import { FleetPage } from "./watch/page.ts";
import { sendRequest } from "./http.ts";
import { Instance, type InstanceDeps, type InstanceStatus } from "./instance.ts";
import { freePorts } from "./ports.ts";
import { mutualTls, type Certificate, type MutualTls } from "./tls.ts";
import { nameOver, protocols, type Doors, type Offer, type Ports, type Protocol } from "./via.ts";

const plan = [
  { name: "web", service: "web" },
  { name: "converter", service: "converter" },
  { name: "rates-1", service: "rates" },
  { name: "rates-2", service: "rates" },
];
const forgetLimitMs = 3_000;

interface FleetStatus {
  readonly instances: readonly InstanceStatus[];
  /** The dtab of the outgoing routers. */
  readonly dtab: string;
  readonly folder: string;
  /** The page of all sidecars. */
  readonly fleetUrl: string;
  /** Of the sidecars; null: they speak plain text. */
  readonly certificates: readonly Certificate[] | null;
}

/** Owns the folder and the instances. */
export interface Fleet {
  readonly folder: string;
  readonly discovery: Discovery;
  /** null: the sidecars speak plain text. */
  readonly tls: MutualTls | null;
  readonly instances: readonly Instance[];
  /** Watches the sidecars of all instances. */
  readonly fleetPage: FleetPage;
  /** The address of the page: the incoming router of web's sidecar. */
  readonly pageUrl: string;
  instance(name: string): Instance | undefined;
  status(): FleetStatus;
  /** Starts all instances. null once all are ready, otherwise the reason of the failure. */
  start(): Promise<string | null>;
  /** Stops all instances and removes the folder. Idempotent. */
  close(): Promise<void>;
  /** Called when this process exits: kills the remaining processes without waiting. Idempotent. */
  abandon(): void;
}

export interface FleetOptions {
  /** The port of the page, which must be free. */
  readonly pagePort: number;
  readonly controlUrl: string;
  /** Mutual TLS between all sidecars. */
  readonly hasTls: boolean;
  /** Creates the discovery, which may keep files in the demo's folder. */
  discoverBy(folder: string): Discovery;
  /** Prints unexpected events. */
  say(line: string): void;
}

export async function createFleet(options: FleetOptions): Promise<Fleet> {
  const folder = mkdtempSync(path.join(tmpdir(), "switchyard-demo-"));
  const { pagePort, controlUrl, say } = options;
  const discovery = options.discoverBy(folder);
  const names = plan.map(({ name, service }): [string, string[]] => {
    return [name, offersOf(name, service).map((offer) => offer.name)];
  });
  const tls = options.hasTls ? mutualTls(folder, new Map(names)) : null;
  const deps: InstanceDeps = {
    discovery,
    tls,
    say,
    untilForgotten: (gone) => untilForgotten(gone),
  };
  const each = protocols.length * 3 + 1;
  const [fleetPort = 0, ...free] = await freePorts(1 + plan.length * each);
  const instances = plan.map(({ name, service }, index) => {
    const isFront = service === "web";
    return new Instance(
      {
        name,
        service,
        offers: offersOf(name, service),
        ports: portsFrom(free.slice(index * each, (index + 1) * each), isFront ? pagePort : null),
        folder,
        args: isFront ? ["--control", controlUrl] : [],
      },
      deps,
    );
  });
  async function untilForgotten(addresses: readonly Announced[]): Promise<void> {
    const running = instances.filter((each) => each.status().state === "running");
    await Promise.all(running.map((each) => forgottenBy(each, addresses)));
  }
  const sidecars = instances.map(({ name, ports }) => ({ name, adminPort: ports.admin }));
  return fleetOf(new FleetPage(folder, fleetPort, sidecars), folder, discovery, tls, instances);
}

/** `pagePort`: the front's incoming port. */
function portsFrom(free: readonly number[], pagePort: number | null): Ports {
  const [admin = 0, ...rest] = free;
  const doors = protocols.map((protocol, index): [Protocol, Doors] => {
    const [service = 0, incoming = 0, outgoing = 0] = rest.slice(index * 3);
    const isPage = protocol === "http" && pagePort !== null;
    return [protocol, { service, incoming: isPage ? pagePort : incoming, outgoing }];
  });
  return { ...(Object.fromEntries(doors) as Record<Protocol, Doors>), admin }; // one for each
}

function offersOf(name: string, service: string): readonly Offer[] {
  const isSeveral = plan.filter((each) => each.service === service).length > 1;
  // Each instance has its own name too, so that a request can choose one of several.
  const names = isSeveral ? [service, name] : [service];
  const spoken = protocols.filter((each) => each === "http" || service === "rates");
  return names.flatMap((own) =>
    spoken.map((protocol) => ({ name: nameOver(protocol, own), protocol })),
  );
}

function fleetOf(
  fleetPage: FleetPage,
  folder: string,
  discovery: Discovery,
  tls: MutualTls | null,
  instances: readonly Instance[],
): Fleet {
  const removeFolder = () => rmSync(folder, { recursive: true, force: true });
  const instance = (name: string) => instances.find((each) => each.name === name);
  return {
    folder,
    discovery,
    tls,
    instances,
    fleetPage,
    pageUrl: `http://127.0.0.1:${instance("web")?.ports.http.incoming}`,
    instance,
    status: () => ({
      instances: instances.map((each) => each.status()),
      dtab: discovery.dtab,
      folder,
      fleetUrl: fleetPage.url,
      certificates: tls?.certificates() ?? null,
    }),
    async start() {
      const problem = await discovery.open();
      if (problem !== null) return problem;
      const starting = [...instances.map((each) => each.start()), fleetPage.start()];
      const problems = await Promise.all(starting);
      const [first, ...others] = problems.filter((each) => each !== null);
      // They usually share one cause: print the first in full, and the first line of the others.
      return first === undefined ? null : [first, ...others.map(firstLine)].join("\n");
    },
    async close() {
      await Promise.all([...instances, fleetPage].map((each) => each.close()));
      await discovery.close();
      removeFolder();
    },
    abandon() {
      for (const each of [...instances, fleetPage]) each.abandon();
      discovery.abandon();
      removeFolder();
    },
  };
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? text;
}

/** Waits until the sidecar's balancers have dropped these addresses, or for a while if it cannot tell. */
async function forgottenBy(caller: Instance, addresses: readonly Announced[]): Promise<void> {
  const gone = addresses.map(({ host, port }) => `"${host}:${port}"`);
  const startedMs = performance.now();
  while (performance.now() - startedMs < forgetLimitMs) {
    try {
      const { body } = await sendRequest(`${caller.status().adminUrl}/client_state.json`);
      if (!gone.some((each) => body.includes(each))) return;
    } catch {
      return; // the sidecar has stopped and sends nothing any more
    }
    await pause(20);
  }
}
