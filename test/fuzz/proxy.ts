// The proxy under test as a process of its own, with the probe inside.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Reading, Stall } from "./probe.ts";

/** Compiled, this file is in `dist/test/fuzz`. */
const binary = fileURLToPath(new URL("../../../bin/switchyard", import.meta.url));
const probe = new URL("./probe.js", import.meta.url).href;

const keptLines = 30;

type Event = Readonly<Record<string, unknown>>;

/** Owns the process. */
export class FuzzedProxy {
  /** The last lines of its log. */
  readonly log: string[] = [];
  logLines = 0;
  adminPort = 0;
  onStall: (stall: Stall) => void = () => {};
  onDeath: () => void = () => {};
  readonly #child: ChildProcess;
  readonly #ports = new Map<string, number>();
  #isClosing = false;

  private constructor(yaml: string) {
    const node = ["--expose-gc", "--import", probe, binary, "run", "-"];
    this.#child = spawn(process.execPath, node, { stdio: ["pipe", "ignore", "pipe", "ipc"] });
    this.#child.stdin?.end(yaml);
    this.#child.on("message", (message: Stall | Reading) => {
      if (message.kind === "stall") this.onStall(message);
    });
    this.#child.on("exit", () => {
      if (!this.#isClosing) this.onDeath();
    });
  }

  /** Rejects, with its output, when it ends before it is ready. */
  static async start(yaml: string): Promise<FuzzedProxy> {
    const proxy = new FuzzedProxy(yaml);
    const isReady = new Promise<void>((resolve) => proxy.#readLog(resolve));
    const isOver = once(proxy.#child, "exit").then(() => {
      if (proxy.adminPort === 0) throw new Error(`it did not start:\n${proxy.log.join("\n")}`);
    });
    await Promise.race([isReady, isOver]);
    return proxy;
  }

  #readLog(ready: () => void): void {
    const { stderr } = this.#child;
    if (stderr === null) throw new Error("bug: no pipe for standard error");
    createInterface(stderr).on("line", (line) => {
      this.logLines++;
      this.log.push(line);
      if (this.log.length > keptLines) this.log.shift();
      if (this.adminPort !== 0 || !line.startsWith("{")) return;
      const event = JSON.parse(line) as Event;
      if (event["event"] === "listening")
        this.#ports.set(String(event["router"]), Number(event["port"]));
      if (event["event"] !== "initialized") return;
      this.adminPort = Number(new URL(String(event["admin"])).port);
      ready();
    });
  }

  portOf(label: string): number {
    return label === "admin" ? this.adminPort : (this.#ports.get(label) ?? 0);
  }

  /** Null: it has died. */
  async read(): Promise<Reading | null> {
    if (!this.isAlive) return null;
    return new Promise((resolve) => {
      const stop = (reading: Reading | null) => {
        this.#child.off("message", heard).off("exit", gone);
        resolve(reading);
      };
      const heard = (message: Stall | Reading) => message.kind === "reading" && stop(message);
      const gone = () => stop(null);
      this.#child.on("message", heard).on("exit", gone);
      this.#child.send("read");
    });
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** How it ended, for a report. */
  get ending(): string {
    return `exit code ${this.#child.exitCode}, signal ${this.#child.signalCode}`;
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    if (!this.isAlive) return;
    const gone = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await gone;
  }
}
