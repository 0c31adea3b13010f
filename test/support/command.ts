// The command as a process of its own: its output, its exit code, its ports.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";

/** Tests run compiled, from `dist/test/support`. */
const binary = fileURLToPath(new URL("../../../bin/switchyard", import.meta.url));

export interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly error: string;
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

interface StartOptions {
  /** The limit of open files, as of `ulimit -n`; absent: the test's own. */
  readonly maxFiles?: number;
}

function start(t: TestContext, args: readonly string[], { maxFiles }: StartOptions = {}): Child {
  const node = [process.execPath, binary, ...args];
  const limited = ["/bin/sh", "-c", `ulimit -n ${maxFiles} && exec "$@"`, "sh", ...node];
  const [file = "", ...rest] = maxFiles === undefined ? node : limited;
  const child = spawn(file, rest, {
    stdio: ["pipe", "pipe", "pipe"],
  });
  t.after(() => void child.kill("SIGKILL"));
  return child;
}

/** Runs the command until it ends. */
export async function command(
  t: TestContext,
  args: readonly string[],
  input = "",
  options: StartOptions = {},
): Promise<Outcome> {
  const child = start(t, args, options);
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  return outcomeOf(child);
}

/** As `command | head`: closes the pipe when the first bytes have come. */
export async function beginningOf(t: TestContext, args: readonly string[]): Promise<Outcome> {
  const child = start(t, args);
  child.stdin.end();
  child.stdout.once("data", () => child.stdout.destroy());
  return outcomeOf(child);
}

async function outcomeOf(child: Child): Promise<Outcome> {
  let out = "";
  let error = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (error += text));
  await once(child, "close");
  return { code: child.exitCode, out, error };
}

type Event = Readonly<Record<string, unknown>>;

export interface RunningCommand {
  readonly pid: number;
  /** Of the first server of the router with that label; of the first router by default. */
  portOf(label?: string): number;
  readonly adminPort: number;
  admin(path: string, init?: RequestInit): Promise<Response>;
  readonly events: readonly Event[];
  signal(name: NodeJS.Signals): void;
  /** Resolves when it has ended. */
  readonly ended: Promise<Outcome>;
}

/** `switchyard run -`, ready to take calls. `admin` gets a free port unless the text says otherwise. */
export async function runProxy(
  t: TestContext,
  yaml: string,
  options: StartOptions = {},
): Promise<RunningCommand> {
  const indent = /^\n*( *)/.exec(yaml)?.[1] ?? "";
  const child = start(t, ["run", "-"], options);
  child.stdin.end(/^ *admin:/m.test(yaml) ? yaml : `${indent}admin: { port: 0 }\n${yaml}`);
  const events: Event[] = [];
  let rest = "";
  const isReady = new Promise<void>((resolve) => {
    child.stderr.on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line.startsWith("{")) events.push(JSON.parse(line) as Event);
      if (events.some(({ event }) => event === "initialized")) resolve();
    });
  });
  const ended = outcomeOf(child);
  const early = await Promise.race([isReady, ended]);
  if (early !== undefined) assert.fail(`it did not start: ${early.error}`);
  const initialized = events.find(({ event }) => event === "initialized");
  const adminPort = Number(new URL(String(initialized?.["admin"])).port);
  return {
    pid: child.pid ?? 0,
    portOf(label) {
      const isIt = (each: Event) =>
        each["event"] === "listening" && (label === undefined || each["router"] === label);
      return Number(events.find(isIt)?.["port"]);
    },
    adminPort,
    admin: (path, init) => fetch(`http://127.0.0.1:${adminPort}${path}`, init),
    events,
    signal: (name) => void child.kill(name),
    ended,
  };
}
