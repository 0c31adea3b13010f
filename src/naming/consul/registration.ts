// One service of this process in Consul: registered, kept alive, re-registered, deregistered.
import type { Announcement } from "../../core/announcer.ts";
import type { Clock, Close, Random } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import { doublingMs } from "../../core/pacing/backoff.ts";
import type { Client, Outcome, Registration } from "./api.ts";

export interface RegistrationAgent {
  readonly client: Client;
  /** For people, such as `localhost:8500`. */
  readonly agent: string;
  /** Whether this process sends heartbeats; otherwise the agent checks it. */
  readonly hasHeartbeat: boolean;
}

export interface RegistrationDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Between two heartbeats, or two checks that the agent still knows the service. */
  readonly intervalMs: number;
}

/** The wait after the first failure; it doubles up to the interval. */
const minRetryMs = 100;
/** Deregistering may delay the end of the process by this much. */
const deregisterTimeoutMs = 1_500;

/** Registers immediately, and again whenever the agent has lost it. Does not own the client. */
export class KeptRegistration implements Announcement {
  readonly #registration: Registration;
  readonly #agent: RegistrationAgent;
  readonly #deps: RegistrationDeps;
  /** The agent may know the service: the registration was sent, even if no response came. */
  #wasSent = false;
  #isRegistered = false;
  #failures = 0;
  #problem: string | null = null;
  /** Never rejects. */
  #current: Promise<void>;
  #cancelWait: Close = () => {};
  #withdrawal: Promise<void> | null = null;

  constructor(registration: Registration, agent: RegistrationAgent, deps: RegistrationDeps) {
    this.#registration = registration;
    this.#agent = agent;
    this.#deps = deps;
    this.#current = this.#step();
  }

  state(): Readonly<Record<string, unknown>> {
    const { id, name, address, port, tags, check } = this.#registration;
    return {
      agent: this.#agent.agent,
      service: name,
      id,
      address,
      port,
      tags,
      check: check.kind,
      isRegistered: this.#isRegistered,
      error: this.#problem,
    };
  }

  /** Registers, or checks that it still is registered; then waits for the next round. */
  async #step(): Promise<void> {
    const outcome = this.#isRegistered ? await this.#keep() : await this.#register();
    if (outcome.kind === "response") this.#onSuccess();
    else this.#onFailure(outcome.problem);
    if (this.#withdrawal !== null) return;
    const { clock } = this.#deps;
    this.#cancelWait = clock.after(this.#waitMs(), () => {
      this.#current = this.#step();
    });
  }

  #register(): Promise<Outcome> {
    this.#wasSent = true;
    return this.#agent.client.register(this.#registration);
  }

  async #keep(): Promise<Outcome> {
    const { client, agent, hasHeartbeat } = this.#agent;
    const { id } = this.#registration;
    const outcome = await (hasHeartbeat ? client.heartbeat(id) : client.knows(id));
    if (outcome.kind !== "missing" || this.#withdrawal !== null) return outcome;
    this.#isRegistered = false;
    this.#deps.log.warn({ event: "consul lost our registration", agent, id });
    return this.#register();
  }

  #onSuccess(): void {
    const { log } = this.#deps;
    const { agent } = this.#agent;
    const { id, name } = this.#registration;
    if (!this.#isRegistered) log.info({ event: "announced", agent, service: name, id });
    else if (this.#failures > 0) log.info({ event: "consul responds again", agent, id });
    this.#isRegistered = true;
    this.#failures = 0;
    this.#problem = null;
  }

  #onFailure(problem: string): void {
    this.#failures += 1;
    this.#problem = problem;
    const { agent } = this.#agent;
    const { id } = this.#registration;
    const event = { event: "announcing failed", agent, id, problem, failures: this.#failures };
    if (this.#failures === 1) this.#deps.log.warn(event);
    else this.#deps.log.debug(event);
  }

  #waitMs(): number {
    const { intervalMs, random } = this.#deps;
    const minMs = this.#failures === 0 ? intervalMs : minRetryMs;
    return doublingMs(Math.max(1, this.#failures), { minMs, maxMs: intervalMs }, 1 / 4, random);
  }

  withdraw(): Promise<void> {
    return (this.#withdrawal ??= this.#deregister());
  }

  async #deregister(): Promise<void> {
    this.#cancelWait();
    const { clock, log } = this.#deps;
    const { client, agent } = this.#agent;
    const { id } = this.#registration;
    const done = this.#current.then(async () => {
      const outcome = this.#wasSent ? await client.deregister(id) : null;
      this.#isRegistered = false;
      return outcome?.kind === "error" ? outcome.problem : null;
    });
    const late = new Promise<string>((resolve) => {
      const cancel = clock.after(deregisterTimeoutMs, () =>
        resolve(`no response within ${deregisterTimeoutMs} ms`),
      );
      void done.then(cancel);
    });
    const problem = await Promise.race([done, late]);
    if (problem === null) log.info({ event: "withdrawn", agent, id });
    else log.warn({ event: "withdrawing failed", agent, id, problem });
  }
}
