// A real Consul agent for a test: started on free ports, stopped with the test.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { freePorts } from "../../demo/ports.ts";

export interface ConsulAgent {
  readonly host: string;
  readonly port: number;
  /** One call of the HTTP API, such as `put("/v1/agent/service/register", {...})`. */
  get(path: string): Promise<unknown>;
  put(path: string, body?: unknown): Promise<void>;
  /** Registers an instance on the agent; its id is its name and port. */
  register(service: string, port: number, more?: object): Promise<string>;
  deregister(id: string): Promise<void>;
  setKey(key: string, text: string): Promise<void>;
  /** Kills the process; its port is refused then. */
  stop(): Promise<void>;
  /** Starts it again on the same ports, with nothing in it. */
  start(): Promise<void>;
  /** Stops it from answering without closing its connections, and lets it go on. */
  freeze(): Promise<void>;
  thaw(): void;
}

interface Ports {
  readonly http: number;
  readonly server: number;
  readonly serfLan: number;
  readonly serfWan: number;
}

/** An agent that runs, or with `isStopped` one that can be started. `t` stops it. */
export async function consulAgent(
  t: TestContext,
  options: {
    readonly isStopped?: boolean;
    readonly arguments?: readonly string[];
    /** What the test's own calls carry. */
    readonly token?: string;
  } = {},
): Promise<ConsulAgent> {
  const [http = 0, server = 0, serfLan = 0, serfWan = 0] = await freePorts(4);
  const ports: Ports = { http, server, serfLan, serfWan };
  let running: ChildProcess | null = null;
  const call = caller(http, options.token);
  const agent: ConsulAgent = {
    host: "127.0.0.1",
    port: http,
    get: (path) => call("GET", path),
    put: async (path, body) => void (await call("PUT", path, body)),
    async register(service, port, more = {}) {
      const id = `${service}-${port}`;
      const address = "127.0.0.1";
      const body = { Name: service, ID: id, Address: address, Port: port, ...more };
      await call("PUT", "/v1/agent/service/register", body);
      return id;
    },
    deregister: async (id) => void (await call("PUT", `/v1/agent/service/deregister/${id}`)),
    setKey: async (key, text) => void (await call("PUT", `/v1/kv/${key}`, text)),
    async stop() {
      const stopped = running;
      running = null;
      if (stopped !== null) await ended(stopped);
    },
    async start() {
      running = spawn("consul", [...argumentsOf(ports), ...(options.arguments ?? [])], {
        stdio: "ignore",
      });
      await ready(call, running);
    },
    async freeze() {
      if (running === null) return;
      running.kill("SIGSTOP");
      await stopped(running);
    },
    thaw: () => void running?.kill("SIGCONT"),
  };
  t.after(() => agent.stop());
  if (options.isStopped !== true) await agent.start();
  return agent;
}

function argumentsOf({ http, server, serfLan, serfWan }: Ports): string[] {
  const numbers = ["-http-port", http, "-server-port", server, "-serf-lan-port", serfLan];
  numbers.push("-serf-wan-port", serfWan, "-dns-port", -1, "-grpc-port", -1);
  const fixed = ["agent", "-dev", "-bind", "127.0.0.1", "-client", "127.0.0.1", "-log-level"];
  return [...fixed, "err", ...numbers.map(String)];
}

type Call = (method: string, path: string, body?: unknown) => Promise<unknown>;

function caller(port: number, token?: string): Call {
  return async (method, path, body) => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const sent = body === undefined ? {} : { body: text };
    const headers = token === undefined ? {} : { "x-consul-token": token };
    const url = `http://127.0.0.1:${port}${path}`;
    const response = await fetch(url, { method, headers, ...sent });
    const answer = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${answer}`);
    return answer === "" ? null : (JSON.parse(answer) as unknown);
  };
}

/** Until there is a leader, and the agent's own node is in the catalog. */
async function ready(call: Call, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 1_000; tries++) {
    if (child.exitCode !== null) throw new Error(`consul ended with ${child.exitCode}`);
    try {
      const nodes = (await call("GET", "/v1/catalog/nodes")) as readonly unknown[];
      if (nodes.length > 0) return;
    } catch {
      // not yet
    }
    await sleep(10);
  }
  throw new Error("consul did not start within 10 s");
}

/** The signal only asks for it: on a busy machine threads run on and answer for a while. */
async function stopped({ pid }: ChildProcess): Promise<void> {
  const tasks = `/proc/${pid}/task`;
  const isStopped = (id: string) => {
    try {
      return readFileSync(`${tasks}/${id}/stat`, "utf8").split(") ").at(-1)?.startsWith("T");
    } catch {
      return false; // it ended between the two reads: looked at again
    }
  };
  while (!readdirSync(tasks).every(isStopped)) await sleep(1);
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await exited;
}
