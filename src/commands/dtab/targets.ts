// Where `switchyard dtab` and `switchyard shift` find dtabs: a name server, Consul's key-value store, or a folder.
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { Live } from "../../core/live.ts";
import { parsePath } from "../../core/names/path.ts";
import type { Log } from "../../core/log.ts";
import type { Stats } from "../../core/stats.ts";
import type { DtabStore } from "../../name-server/dtab-store.ts";
import { systemClock } from "../../runtime/timers.ts";
import type { DtabTarget } from "../../shift/store.ts";
import { nameServerTarget } from "./name-server-target.ts";
import { targetHelp } from "./target-help.ts";

/** A text says what is wrong with `given`. */
export async function openTarget(given: string): Promise<DtabTarget | string> {
  if (/^https?:\/\//.test(given)) return nameServerTarget(given);
  if (given.startsWith("consul://")) return consulTarget(given);
  if (/^\w+:\/\//.test(given)) return `'${given}' is no store: expected one of\n${targetHelp}`;
  const folder = resolve(given);
  if (!existsSync(folder)) {
    return `there is no folder ${folder}; a store is one of\n${targetHelp}`;
  }
  const { FileStore } = await import("../../name-server/storages/file-store.ts");
  return storeTarget(new FileStore(folder, 20, await depsOf()), `the folder ${folder}`);
}

async function consulTarget(given: string): Promise<DtabTarget | string> {
  const url = new URL(given.replace(/^consul/, "http"));
  const prefix = parsePath(
    url.pathname === "/" || url.pathname === "" ? "/namerd/dtabs" : url.pathname,
  );
  if (!prefix.ok) return `'${given}': ${prefix.error.message}`;
  const [{ consulStorage }, v] = await Promise.all([
    import("../../name-server/storages/consul.ts"),
    import("valibot"),
  ]);
  const token = process.env["CONSUL_HTTP_TOKEN"];
  const config = v.parse(consulStorage.schema, {
    kind: "io.l5d.consul",
    host: url.hostname,
    port: Number(url.port || 8500),
    pathPrefix: prefix.value,
    ...(token === undefined || token === "" ? {} : { token }),
  });
  const store = consulStorage.create(config, await depsOf());
  return storeTarget(store, `Consul at ${url.host}, ${prefix.value}`);
}

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

const noStats: Stats = {
  counter: () => ({ value: 0 }),
  histogram: () => ({ record() {} }),
  gauge() {},
  tally() {},
  scope: () => noStats,
  rename() {},
  prune() {},
};

async function depsOf() {
  const { hostResolver } = await import("../../naming/hosts/resolver.ts");
  const clock = systemClock();
  const hosts = hostResolver(clock, silent);
  return { clock, random: Math.random, log: silent, stats: noStats, hosts };
}

/** How long a first answer may take. */
const maxWaitMs = 10_000;

function storeTarget(store: DtabStore, where: string): DtabTarget {
  return {
    where,
    list: () => known(store.list(), where),
    get: (namespace) => known(store.observe(namespace), where),
    create: (namespace, dtab) => store.create(namespace, dtab),
    update: (namespace, dtab, version) => store.update(namespace, dtab, version),
    put: (namespace, dtab) => store.put(namespace, dtab),
    remove: (namespace) => store.remove(namespace),
    history: async (namespace) => (await store.history?.(namespace)) ?? null,
    close: () => store.close(),
  };
}

/** The first state that is known. */
function known<T>(live: Live<T>, where: string): Promise<T> {
  return new Promise((resolve, reject) => {
    // The timers of the clock alone do not keep a process alive.
    const alive = setInterval(() => {}, maxWaitMs);
    const finish = (run: () => void) => {
      clearInterval(alive);
      cancel();
      queueMicrotask(() => unwatch());
      run();
    };
    const look = () => {
      const { state } = live;
      if (state.kind === "ok") finish(() => resolve(state.value));
      else if (state.kind === "failed") {
        finish(() => reject(new Error(`${where}: ${state.why.detail}`)));
      }
    };
    const cancel = systemClock().after(maxWaitMs, () =>
      finish(() => reject(new Error(`${where} has not responded within ${maxWaitMs / 1_000} s`))),
    );
    const unwatch = live.watch(look);
    look();
  });
}
