// Starts the processes of a run, each on its core, and makes sure that none outlives the run.
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type AddressInfo } from "node:net";
import { availableParallelism } from "node:os";

/** The proxy has this core to itself; origin, load generator and this process share the other. */
export const proxyCore = 0;
export const loadCore = 1;

const living = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of living) child.kill("SIGKILL");
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));

/** Whether processes can be pinned to cores: needs Linux's taskset and two cores. */
export function canPin(): boolean {
  return availableParallelism() >= 2 && spawnSync("taskset", ["--version"]).status === 0;
}

export function pinSelf(core: number): void {
  spawnSync("taskset", ["--all-tasks", "--cpu-list", "--pid", String(core), String(process.pid)]);
}

export function pinned(core: number | null, command: readonly string[]): readonly string[] {
  return core === null ? command : ["taskset", "--cpu-list", String(core), ...command];
}

/** Owned by its starter. */
export interface Child {
  readonly pid: number;
  /** The last lines it wrote to standard error. */
  complaint(): string;
  readonly hasEnded: boolean;
  /** Sends SIGTERM, and SIGKILL after two seconds; resolves when the process has ended. */
  stop(): Promise<void>;
}

const insistAfterMs = 2_000;
const keptComplaintChars = 2_000;

export function startChild(command: readonly string[], core: number | null): Child {
  const [program = "", ...args] = pinned(core, command);
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
  let complaint = "";
  living.add(child);
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint = (complaint + text).slice(-keptComplaintChars);
  });
  child.on("error", (error) => (complaint += error.message));
  child.on("close", () => living.delete(child));
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  return {
    pid: child.pid ?? 0,
    complaint: () => complaint.trim(),
    get hasEnded() {
      return child.pid === undefined || hasEnded();
    },
    stop: async () => {
      if (child.pid === undefined || hasEnded()) return;
      const gone = once(child, "exit");
      child.kill("SIGTERM");
      const insist = setTimeout(() => child.kill("SIGKILL"), insistAfterMs);
      await gone;
      clearTimeout(insist);
    },
  };
}

/** Runs a program to completion and returns its output. Throws with its error output on failure. */
export async function runChild(command: readonly string[], core: number | null): Promise<string> {
  const [program = "", ...args] = pinned(core, command);
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  living.add(child);
  let output = "";
  let complaint = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint += text));
  const [code] = (await once(child, "close")) as [number | null];
  living.delete(child);
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${complaint.trim()}`);
  return output;
}

/** Ports that were free when they were picked. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => server.listening || once(server, "listening")));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}

export async function freePort(): Promise<number> {
  return (await freePorts(1))[0] ?? 0;
}

const readyWithinMs = 10_000;
const askEveryMs = 50;

/** Resolves when a GET with this Host returns 200; throws with the error output of the process. */
export function untilHttpReady(child: Child, port: number, host: string): Promise<void> {
  return untilReady(child, async () => {
    const line = await statusLine(port, host);
    return /^HTTP\/1\.[01] 200/.test(line) ? null : line;
  });
}

/** Resolves when `ask` returns null, for success; throws with the error output of the process. */
export async function untilReady(child: Child, ask: () => Promise<string | null>): Promise<void> {
  const startedMs = performance.now();
  let last = "nothing listens";
  while (performance.now() - startedMs < readyWithinMs && !child.hasEnded) {
    const complaint = await ask();
    if (complaint === null) return;
    last = complaint;
    await new Promise((resolve) => setTimeout(resolve, askEveryMs));
  }
  const complaint = gist(child.complaint());
  throw new Error(
    `${child.hasEnded ? "ended at start" : `responded "${last}"`} ${complaint}`.trim(),
  );
}

/** The line with the error; for a Node process that threw, this is not the last one. */
function gist(complaint: string): string {
  const lines = complaint.split("\n");
  return lines.find((line) => /error/i.test(line)) ?? lines.at(-1) ?? "";
}

function statusLine(port: number, host: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.setTimeout(1_000, () => finish("no response within 1 s"));
    const finish = (line: string): void => {
      socket.destroy();
      resolve(line);
    };
    socket.on("connect", () => socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`));
    socket.on("error", (error) => finish(error.message));
    socket.on("close", () => finish("closed without a response"));
    socket.once("data", (chunk) => finish(chunk.toString("latin1").split("\r\n", 1)[0] ?? ""));
  });
}
