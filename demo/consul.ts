// Discovery through a real Consul: the sidecars register themselves, and the supervisor watches.
import { spawnSync } from "node:child_process";
import path from "node:path";
import { Child, pause } from "./child.ts";
import type { Announced, Discovery } from "./discovery.ts";
import { sendRequest } from "./http.ts";
import { freePorts, isFree } from "./ports.ts";

const host = "127.0.0.1";
const startLimitMs = 20_000;
const announceLimitMs = 10_000;
const stopLimitMs = 5_000;

/** Where the agent is. */
export interface ConsulPlace {
  readonly port: number;
  /** False: the demo starts the agent, and stops it on exit. */
  readonly isRunning: boolean;
  /** The cluster ports of an agent that the demo starts. */
  readonly ownPorts: readonly number[];
}

/** A running agent, or where one can be started; a text explains why neither is possible. */
export async function findConsul(port: number): Promise<ConsulPlace | string> {
  if (await responds(port)) return { port, isRunning: true, ownPorts: [] };
  if (!(await isFree(port))) {
    return `port ${port} is taken by something that is not Consul: choose another with --consul-port N`;
  }
  if (spawnSync("consul", ["version"]).error !== undefined) {
    return (
      `no Consul: no agent responds on port ${port}, and there is no program "consul" to start ` +
      `one. scripts/install-peers installs it (Debian); or start an agent yourself`
    );
  }
  return { port, isRunning: false, ownPorts: await freePorts(3) };
}

async function responds(port: number): Promise<boolean> {
  try {
    const { status, body } = await sendRequest(`${api(port)}/status/leader`, { timeoutMs: 1_000 });
    return status === 200 && body.startsWith('"');
  } catch {
    return false;
  }
}

function api(port: number): string {
  return `http://${host}:${port}/v1`;
}

/** Sidecars register their instances themselves, so announcing one means waiting until it is listed. */
export function consulDiscovery(folder: string, place: ConsulPlace): Discovery {
  const { port, isRunning } = place;
  const agentYaml = `kind: io.l5d.consul\n  host: ${host}\n  port: ${port}`;
  let child: Child | null = null;
  return {
    title: `Consul at http://${host}:${port}/ui/${isRunning ? "" : " (started by the demo)"}`,
    namersYaml: `- ${agentYaml}\n  useHealthCheck: true`,
    dtab: "/svc => /#/io.l5d.consul/.local",
    announcersYaml: `- ${agentYaml}`,
    announcedAs: (name) => `/#/io.l5d.consul/${name}`,
    async open() {
      if (isRunning) return null;
      child = startAgent(folder, place);
      return child.untilReady(`${api(port)}/catalog/nodes`, startLimitMs);
    },
    async announce(name, address) {
      const startedMs = performance.now();
      while (!(await isListed(port, name, address))) {
        if (performance.now() - startedMs > announceLimitMs) {
          throw new Error(`${name} did not appear in Consul: see the log of its sidecar`);
        }
        await pause(20);
      }
    },
    async withdraw(name, address) {
      // The sidecar deregisters it on exit; until then it must not receive new calls.
      const id = encodeURIComponent(`${name}-${address.host}-${address.port}`);
      const url = `${api(port)}/agent/service/maintenance/${id}?enable=true&reason=stopping`;
      await sendRequest(url, { method: "PUT" });
    },
    async close() {
      await child?.stop(stopLimitMs);
    },
    abandon: () => child?.kill(),
  };
}

function startAgent(folder: string, { port, ownPorts }: ConsulPlace): Child {
  const [server = 0, serfLan = 0, serfWan = 0] = ownPorts;
  const numbers = ["-http-port", port, "-server-port", server, "-serf-lan-port", serfLan];
  numbers.push("-serf-wan-port", serfWan, "-dns-port", -1, "-grpc-port", -1);
  return new Child({
    title: "the Consul agent",
    command: "consul",
    args: ["agent", "-dev", "-ui", "-bind", host, "-client", host, ...numbers.map(String)],
    logFile: path.join(folder, "consul.log"),
    isTied: false,
  });
}

async function isListed(port: number, name: string, address: Announced): Promise<boolean> {
  const { body } = await sendRequest(
    `${api(port)}/health/service/${encodeURIComponent(name)}?passing=1`,
  );
  const listed = JSON.parse(body) as readonly { readonly Service: ListedService }[];
  return listed.some(
    ({ Service }) => Service.Address === address.host && Service.Port === address.port,
  );
}

interface ListedService {
  readonly Address: string;
  readonly Port: number;
}
