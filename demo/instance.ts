// One instance of a service and its sidecar: two processes and an announcement.
import { writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Child } from "./child.ts";
import type { Announced, Discovery } from "./discovery.ts";
import type { MutualTls } from "./tls.ts";
import { sidecarYaml } from "./sidecar-yaml.ts";
import { protocols, type Offer, type Ports } from "./via.ts";

const readyLimitMs = 20_000;
const graceMs = 12_000; // a little more than a sidecar's own shutdownGraceMs
const command = fileURLToPath(new URL("../../bin/switchyard", import.meta.url));

/** Which of the two processes. */
type Role = "service" | "sidecar";

export interface InstanceStatus {
  readonly name: string;
  readonly service: string;
  /** `dead`: a process ended unexpectedly or was killed; the instance is still announced. */
  readonly state: "starting" | "running" | "stopping" | "stopped" | "dead";
  readonly ports: Ports;
  readonly adminUrl: string;
  readonly pids: Readonly<Record<Role, number | null>>;
}

export interface InstanceOptions {
  readonly name: string;
  readonly service: string;
  /** The names it is announced as: its service's name and, with several instances, its own. */
  readonly offers: readonly Offer[];
  readonly ports: Ports;
  /** For the sidecar's file and the logs; owned by the supervisor. */
  readonly folder: string;
  /** Extra arguments of the service. */
  readonly args: readonly string[];
}

/** What an instance needs from the demo. */
export interface InstanceDeps {
  readonly discovery: Discovery;
  /** null: the sidecars speak plain text. */
  readonly tls: MutualTls | null;
  /** Resolves when no sidecar sends calls to these addresses any more, or after a while. */
  untilForgotten(addresses: readonly Announced[]): Promise<void>;
  say(line: string): void;
}

/** Owns its two processes. Operations run one after another. */
export class Instance {
  readonly name: string;
  readonly service: string;
  readonly ports: Ports;
  readonly configFile: string;
  readonly #options: InstanceOptions;
  readonly #deps: InstanceDeps;
  readonly #children = new Map<Role, Child>();
  #state: InstanceStatus["state"] = "stopped";
  #lastOperation: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(options: InstanceOptions, deps: InstanceDeps) {
    this.name = options.name;
    this.service = options.service;
    this.ports = options.ports;
    this.configFile = path.join(options.folder, `${options.name}.yaml`);
    this.#options = options;
    this.#deps = deps;
    writeFileSync(
      this.configFile,
      sidecarYaml(this.name, options.offers, this.ports, deps.discovery, deps.tls),
    );
  }

  status(): InstanceStatus {
    const { name, service, ports } = this;
    const pidOf = (role: Role) => this.#children.get(role)?.pid ?? null;
    const pids = { service: pidOf("service"), sidecar: pidOf("sidecar") };
    const adminUrl = `http://127.0.0.1:${ports.admin}`;
    return { name, service, state: this.#state, ports, adminUrl, pids };
  }

  /** Starts what is not running, then announces it. null on success, otherwise the reason. */
  start(): Promise<string | null> {
    return this.#enqueue(async () => {
      if (this.#state === "running" || this.#isClosed) return null;
      this.#state = "starting";
      const problems = await Promise.all([
        this.#ready("service", `http://127.0.0.1:${this.ports.http.service}/health`),
        this.#ready("sidecar", `http://127.0.0.1:${this.ports.admin}/admin/ready`),
      ]);
      const isUp = this.#children.size === 2; // one may have ended after it was ready
      const problem = problems.find((each) => each !== null) ?? null;
      if (problem !== null || !isUp) {
        this.#state = "dead";
        return problem ?? `a process of ${this.name} ended as soon as it was ready`;
      }
      await Promise.all(
        this.#options.offers.map((each) =>
          this.#deps.discovery.announce(each.name, this.#addressOf(each)),
        ),
      );
      this.#state = "running";
      return null;
    });
  }

  /** A graceful stop: leaves discovery, waits for callers to notice, then stops. */
  stop(): Promise<void> {
    return this.#enqueue(async () => {
      if (this.#state === "stopped") return;
      this.#state = "stopping";
      const { offers } = this.#options;
      const { discovery, untilForgotten } = this.#deps;
      await Promise.all(offers.map((each) => discovery.withdraw(each.name, this.#addressOf(each))));
      await untilForgotten(offers.map((each) => this.#addressOf(each)));
      await this.#stopChildren();
      this.#state = "stopped";
    });
  }

  /** A simulated crash: both processes are killed, and discovery still lists them. */
  kill(): Promise<void> {
    return this.#enqueue(async () => {
      const children = [...this.#children.values()];
      for (const child of children) child.kill();
      await Promise.all(children.map((child) => child.ended));
      if (children.length > 0) this.#die(`${this.name} was killed.`);
    });
  }

  /** Stops the processes permanently, whatever the state. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#stopChildren();
    await this.#lastOperation;
    await this.#stopChildren();
    this.#state = "stopped";
  }

  /** Kills the processes without waiting, when the supervisor itself exits. */
  abandon(): void {
    for (const child of this.#children.values()) child.kill();
  }

  #addressOf({ protocol }: Offer): Announced {
    return { host: "127.0.0.1", port: this.ports[protocol].incoming };
  }

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#lastOperation.then(work);
    this.#lastOperation = done.catch(() => {}); // reported to the caller of the operation
    return done;
  }

  #ready(role: Role, url: string): Promise<string | null> {
    const child = this.#children.get(role) ?? this.#spawn(role);
    return child.untilReady(url, readyLimitMs);
  }

  #spawn(role: Role): Child {
    const { name, service, ports } = this;
    const file = fileURLToPath(new URL(`./${service}.js`, import.meta.url));
    const portArgs = protocols.flatMap((each) => {
      const { service, outgoing } = ports[each];
      return [`--${each}`, `${service}`, `--${each}-outgoing`, `${outgoing}`];
    });
    const child = new Child({
      title: role === "service" ? name : `${name}'s sidecar`,
      args:
        role === "service"
          ? [file, "--name", name, ...portArgs, ...this.#options.args]
          : [command, "run", this.configFile],
      logFile: path.join(this.#options.folder, `${name}.${role}.log`),
      isTied: role === "service",
    });
    this.#children.set(role, child);
    void child.ended.then(({ how, isUnexpected }) => {
      this.#children.delete(role);
      const isStarting = this.#state === "starting"; // then `start` reports it
      if (isUnexpected && !isStarting && !this.#isClosed) this.#reportEnd(child, how);
    });
    return child;
  }

  #reportEnd(child: Child, how: string): void {
    const lines = child.lastLines.map((line) => `    ${line}`);
    this.#die([`${child.title} ended unexpectedly (${how}).`, ...lines].join("\n"));
  }

  /** Reports an end without farewell. */
  #die(what: string): void {
    const isFirst = this.#state === "running";
    if (isFirst) this.#state = "dead";
    const advice = "It is still announced: the callers' sidecars must notice by themselves.";
    this.#deps.say(isFirst ? `${what}\n${advice}` : what);
  }

  async #stopChildren(): Promise<void> {
    // The sidecar stops first: it finishes the calls in progress, for which it needs the service.
    await this.#children.get("sidecar")?.stop(graceMs);
    await this.#children.get("service")?.stop(graceMs);
  }
}
