// What is asked of a Consul agent and told to it.
import type { AgentOptions } from "node:https";
import type { Close } from "../../core/clock.ts";

type Consistency = "default" | "stale" | "consistent";

/** What a watch asks for. `datacenter` null: the agent's own. */
export type Query =
  | {
      readonly kind: "catalog" | "health";
      readonly service: string;
      readonly tag: string | null;
      readonly datacenter: string | null;
      readonly consistency: Consistency;
      /** Of `health`: leave out what does not pass on the server's side. */
      readonly isPassingOnly: boolean;
    }
  | {
      readonly kind: "key";
      /** Without a slash in front. */
      readonly key: string;
      readonly datacenter: string | null;
      readonly consistency: Consistency;
    }
  | { readonly kind: "self"; readonly datacenter: null };

/** `index` is null when the answer had none, or none that is a number. */
export type Outcome =
  | { readonly kind: "answer"; readonly index: number | null; readonly body: unknown }
  /** 404. */
  | { readonly kind: "missing"; readonly index: number | null; readonly problem: string }
  | { readonly kind: "error"; readonly problem: string };

/** What is told to an agent of the service that this process is. */
export interface Registration {
  readonly id: string;
  readonly name: string;
  /** null: the address of the agent's node. */
  readonly address: string | null;
  readonly port: number;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  readonly check: Check;
}

/** Durations as Consul writes them, such as `10s`. */
type Check =
  | { readonly kind: "ttl"; readonly ttl: string; readonly deregisterAfter: string }
  | {
      readonly kind: "http";
      readonly url: string;
      readonly interval: string;
      readonly deregisterAfter: string;
    };

export interface ClientOptions {
  readonly host: string;
  readonly port: number;
  readonly token: string | null;
  /** null: plain HTTP. */
  readonly tls: AgentOptions | null;
}

/** One way to one agent. Owns its connections. */
export interface Client {
  /**
   * `index` null: answers at once; otherwise when something changed since then, or after
   * `waitMs`. Calls `done` once and never at once; never after it was closed, which closes the
   * connection. Without an answer in `timeoutMs` it is an error.
   */
  ask(
    question: Query,
    blocking: { readonly index: number; readonly waitMs: number } | null,
    timeoutMs: number,
    done: (outcome: Outcome) => void,
  ): Close;
  register(registration: Registration): Promise<Outcome>;
  deregister(id: string): Promise<Outcome>;
  /** Says that the service with this id is well. `missing`: the agent does not know it. */
  heartbeat(id: string): Promise<Outcome>;
  /** Whether the agent knows the service with this id. */
  knows(id: string): Promise<Outcome>;
  close(): void;
}
