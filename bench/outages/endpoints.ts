// Five endpoints as processes, and what can befall them.
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { freePorts } from "../lib/child.ts";
import type { Mood } from "./endpoint-process.ts";
import type { ProtocolName } from "./wire.ts";

export const endpointCount = 5;

const program = fileURLToPath(new URL("./endpoint-process.js", import.meta.url));

export class Endpoints {
  readonly ports: readonly number[];
  readonly #protocol: ProtocolName;
  readonly #processes: ChildProcess[] = [];

  private constructor(protocol: ProtocolName, ports: readonly number[]) {
    this.#protocol = protocol;
    this.ports = ports;
  }

  static async start(protocol: ProtocolName): Promise<Endpoints> {
    const endpoints = new Endpoints(protocol, await freePorts(endpointCount));
    await Promise.all(endpoints.ports.map((_, index) => endpoints.start(index)));
    return endpoints;
  }

  /** Resolves when it listens. */
  async start(index: number): Promise<void> {
    const child = fork(program, [this.#protocol, String(this.ports[index])]);
    this.#processes[index] = child;
    await once(child, "message");
  }

  say(index: number, mood: Mood): void {
    this.#processes[index]?.send(mood);
  }

  signal(index: number, signal: NodeJS.Signals): void {
    this.#processes[index]?.kill(signal);
  }

  /** As a deployment does: SIGTERM, wait for its end, start the next on the same port. */
  async restart(index: number): Promise<void> {
    const child = this.#processes[index];
    if (child === undefined) return;
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    await ended;
    await this.start(index);
  }

  stop(): void {
    for (const child of this.#processes) child.kill("SIGKILL");
  }
}
