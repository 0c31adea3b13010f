// What this process asks of a Consul agent, and what it registers there.
import type { AgentOptions } from "node:https";
import type { LookupFunction } from "node:net";
import type { Close } from "../../core/clock.ts";

type Consistency = "default" | "stale" | "consistent";

/** What a watch reads. `datacenter` null: the agent's own. */
export type Query =
  | {
      readonly kind: "catalog" | "health";
      readonly service: string;
      readonly tag: string | null;
      readonly datacenter: string | null;
      readonly consistency: Consistency;
      /** For `health`: the server leaves out instances that do not pass. */
      readonly isPassingOnly: boolean;
    }
  | {
      readonly kind: "key";
      /** Without a slash in front. */
      readonly key: string;
      readonly datacenter: string | null;
      readonly consistency: Consistency;
    }
  | {
      /** The keys right below a prefix that ends in a slash. */
      readonly kind: "keys";
      readonly prefix: string;
      readonly datacenter: string | null;
      readonly consistency: Consistency;
    }
  | { readonly kind: "self"; readonly datacenter: null };

/** `index` is null when the response had no index, or one that is not a number. */
export type Outcome =
  | { readonly kind: "response"; readonly index: number | null; readonly body: unknown }
  /** 404. */
  | { readonly kind: "missing"; readonly index: number | null; readonly problem: string }
  | { readonly kind: "error"; readonly problem: string };

/** This process as a service of the agent. */
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
  /** How the host is looked up; absent: by the system. */
  readonly lookup?: LookupFunction;
}

/** One way to one agent. Owns its connections. */
export interface Client {
  /**
   * With `blocking` null the agent responds immediately, otherwise once something has changed since
   * `index` or after `waitMs`. Calls `done` once, always later than this returns, and never after
   * the result was closed, which closes the connection. No response within `timeoutMs` is an error.
   */
  query(
    query: Query,
    blocking: { readonly index: number; readonly waitMs: number } | null,
    timeoutMs: number,
    done: (outcome: Outcome) => void,
  ): Close;
  register(registration: Registration): Promise<Outcome>;
  deregister(id: string): Promise<Outcome>;
  /** Reports the service with this id as passing. `missing`: the agent does not know it. */
  heartbeat(id: string): Promise<Outcome>;
  /** Whether the agent knows the service with this id. */
  knows(id: string): Promise<Outcome>;
  /**
   * Writes a key; with `cas` only if its ModifyIndex is still that one, 0: if it does not exist. The body of
   * the response is whether it was written.
   */
  write(key: string, text: string, how: WriteOptions): Promise<Outcome>;
  /** Whether there is such a key: `missing` when there is not. */
  knowsKey(key: string, how: Omit<WriteOptions, "cas">): Promise<Outcome>;
  erase(key: string, how: Omit<WriteOptions, "cas">): Promise<Outcome>;
  close(): void;
}

interface WriteOptions {
  /** null: the agent's own. */
  readonly datacenter: string | null;
  readonly consistency: Consistency;
  /** null: whatever is there. */
  readonly cas: number | null;
}
