// Keeps dtabs in Consul's key-value store: one key for each namespace.
//
//     storage:
//       kind: io.l5d.consul
//       host: localhost             # of the agent; the default, as all that follows
//       port: 8500
//       pathPrefix: /namerd/dtabs   # the keys are <pathPrefix>/<namespace>
//       resyncIntervalMs: 300000    # how often a key is read from scratch
//
// A version is the index at which the key was last written. See docs/name-server.md.
import * as v from "valibot";
import type { Close } from "../../core/clock.ts";
import { failure } from "../../core/failure.ts";
import { failed, map, pending } from "../../core/live.ts";
import type { Live } from "../../core/live.ts";
import { showDtab } from "../../core/names/dtab.ts";
import type { Dtab } from "../../core/names/dtab.ts";
import { plugin } from "../../core/plugin.ts";
import type { Client, Outcome } from "../../naming/consul/api.ts";
import { clientOf, dtabKeyEntries, keyOf } from "../../naming/consul/schema.ts";
import type { DtabKeyConfig } from "../../naming/consul/schema.ts";
import { dtabWatchDeps, StoredDtab } from "../../naming/consul/stored-dtab.ts";
import { pollToJson } from "../../naming/consul/watch-json.ts";
import type { WatchDeps } from "../../naming/consul/watch-spec.ts";
import { Watch } from "../../naming/consul/watch.ts";
import { SharedLives } from "../../naming/shared-lives.ts";
import { done, namespacePattern, namespaceProblem } from "../dtab-store.ts";
import type {
  DtabStore,
  StorageDeps,
  StoragePlugin,
  VersionedDtab,
  Written,
} from "../dtab-store.ts";

const schema = v.strictObject({ kind: v.literal("io.l5d.consul"), ...dtabKeyEntries() });

export const consulStorage: StoragePlugin = plugin({
  kind: "io.l5d.consul",
  schema,
  create: (config, deps: StorageDeps): DtabStore => new ConsulStore(config, deps),
});

/** Consul's own limit of a value (`kv_max_value_size`). */
const maxBytes = 512 * 1024;

class ConsulStore implements DtabStore {
  readonly #config: DtabKeyConfig;
  readonly #client: Client;
  readonly #watchDeps: WatchDeps;
  readonly #list: Watch<readonly string[]>;
  readonly #observed = new SharedLives<VersionedDtab | null>();
  /** Kept when nobody observes a namespace any more, for its last good dtab; by namespace. */
  readonly #stored = new Map<string, StoredDtab>();

  constructor(config: DtabKeyConfig, deps: StorageDeps) {
    this.#config = config;
    this.#client = clientOf(config, deps.hosts);
    this.#watchDeps = dtabWatchDeps(config, this.#client, deps);
    this.#list = this.#namespaces();
  }

  list(): Live<readonly string[]> {
    return this.#list.live;
  }

  observe(namespace: string): Live<VersionedDtab | null> {
    return this.#observed.get(namespace, (set) => {
      const stored = this.#storedOf(namespace);
      const live = map(stored.live, (found) =>
        found === null ? null : { dtab: found.dtab, version: Buffer.from(String(found.index)) },
      );
      const unwatch: Close = live.watch(set);
      set(live.state);
      return unwatch;
    });
  }

  create(namespace: string, dtab: Dtab): Promise<Written> {
    return this.#write(namespace, dtab, 0, { kind: "exists" });
  }

  async update(namespace: string, dtab: Dtab, version: Uint8Array): Promise<Written> {
    const text = Buffer.from(version).toString("latin1");
    if (!/^[1-9]\d{0,14}$/.test(text)) return { kind: "mismatch" };
    const written = await this.#write(namespace, dtab, Number(text), { kind: "mismatch" });
    if (written.kind !== "mismatch") return written;
    // Consul says only that it did not write.
    const found = await this.#client.knowsKey(this.#keyOf(namespace), this.#placeOf());
    return found.kind === "missing" ? { kind: "missing" } : written;
  }

  put(namespace: string, dtab: Dtab): Promise<Written> {
    return this.#write(namespace, dtab, null, { kind: "mismatch" });
  }

  async remove(namespace: string): Promise<Written> {
    const found = await this.#client.knowsKey(this.#keyOf(namespace), this.#placeOf());
    if (found.kind === "missing") return { kind: "missing" };
    if (found.kind === "error") return this.#refused(namespace, found.problem);
    const outcome = await this.#client.erase(this.#keyOf(namespace), this.#placeOf());
    return outcome.kind === "error" ? this.#refused(namespace, outcome.problem) : done;
  }

  watchState(): Readonly<Record<string, unknown>> {
    const namespaces = [...this.#stored].map(([name, stored]) => [name, stored.report] as const);
    return { list: pollToJson(this.#list.report), namespaces: Object.fromEntries(namespaces) };
  }

  close(): void {
    for (const stored of this.#stored.values()) stored.close();
    this.#list.close();
    this.#client.close();
  }

  #keyOf(namespace: string): string {
    return keyOf(this.#config, namespace);
  }

  #placeOf() {
    const { datacenter, writeConsistencyMode: consistency } = this.#config;
    return { datacenter: datacenter ?? null, consistency };
  }

  async #write(
    namespace: string,
    dtab: Dtab,
    cas: number | null,
    otherwise: Written,
  ): Promise<Written> {
    const text = showDtab(dtab);
    const problem = namespaceProblem(namespace) ?? sizeProblem(text);
    if (problem !== null) return { kind: "invalid", detail: problem };
    const how = { ...this.#placeOf(), cas };
    const outcome: Outcome = await this.#client.write(this.#keyOf(namespace), text, how);
    if (outcome.kind !== "response") return this.#refused(namespace, outcome.problem);
    return outcome.body === false || String(outcome.body) === "false" ? otherwise : done;
  }

  #refused(namespace: string, problem: string): Written {
    const detail = `the dtab of ${namespace} in Consul at ${this.#watchDeps.agent}: ${problem}`;
    if (/responded with 403/.test(problem)) return { kind: "forbidden", detail };
    return { kind: "failed", why: failure("unresolved", detail) };
  }

  #storedOf(namespace: string): StoredDtab {
    let stored = this.#stored.get(namespace);
    if (stored === undefined) {
      this.#forgetOldest();
      stored = new StoredDtab(this.#keyOf(namespace), this.#config, this.#watchDeps);
      this.#stored.set(namespace, stored);
    }
    return stored;
  }

  /** Callers may ask for any number of namespaces. */
  #forgetOldest(): void {
    if (this.#stored.size < maxKept) return;
    for (const [namespace, stored] of this.#stored) {
      if (stored.isWatched) continue;
      this.#stored.delete(namespace);
      stored.close();
      return;
    }
  }

  #namespaces(): Watch<readonly string[]> {
    const prefix = this.#keyOf("");
    const { datacenter, readConsistencyMode: consistency } = this.#config;
    return new Watch<readonly string[]>(
      {
        name: prefix,
        query: { kind: "keys", prefix, datacenter: datacenter ?? null, consistency },
        read: (body) => readNames(body, prefix),
        isSame: (a, b) => a.length === b.length && a.every((name, i) => name === b[i]),
        absent: [],
        mayBeMissing: true,
        isBlocking: true,
        late: () => pending,
        unknown: (problem) =>
          failed(failure("unresolved", `the keys below ${prefix} could not be listed: ${problem}`)),
      },
      this.#watchDeps,
    );
  }
}

/** Namespaces whose last good dtab is remembered. */
const maxKept = 1_000;

function sizeProblem(text: string): string | null {
  const bytes = Buffer.byteLength(text);
  return bytes <= maxBytes ? null : `the dtab has ${bytes} bytes; Consul takes ${maxBytes} at most`;
}

function readNames(body: unknown, prefix: string): { readonly value: readonly string[] } | string {
  if (!Array.isArray(body)) return "Consul's response is not a list of keys";
  const names = (body as readonly unknown[])
    .map((key) => (typeof key === "string" ? key.slice(prefix.length) : ""))
    .filter((name) => namespacePattern.test(name));
  return { value: names.sort() };
}
