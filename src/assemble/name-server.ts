// The name server of the configuration, running: its storage, and the interfaces through which it is asked.
import { createServer } from "node:http";
import { secureServer } from "../admin/secure-server.ts";
import type { NameServerConfig } from "../config/config.ts";
import { pluginOf } from "../core/plugin.ts";
import type { Stats } from "../core/stats.ts";
import { localInterpreter } from "../naming/interpreters/default.ts";
import type { DtabStore } from "../name-server/dtab-store.ts";
import type { InterfaceDeps, RunningInterface } from "../name-server/interface.ts";
import { Namespaces } from "../name-server/namespaces.ts";
import type { TlsStore } from "../net/tls/tls-store.ts";
import { interfaces, storages } from "../plugins.ts";
import { listenForMessages } from "./mux-messages.ts";
import type { Naming, NamingParts } from "./naming.ts";
import { serverTlsOf } from "./tls.ts";

export interface NameServerParts extends NamingParts {
  readonly naming: Naming;
  /** null: the configuration has no TLS. */
  readonly tls: TlsStore | null;
}

export interface NameServer {
  /** In the address of its state page: where it keeps dtabs, or its kind. */
  readonly storageName: string;
  readonly store: DtabStore;
  readonly namespaces: Namespaces;
  /** As they listen, in the order of the file. */
  readonly interfaces: readonly RunningInterface[];
  close(graceMs: number): Promise<void>;
}

/** null for a process that is none. Rejects with a text for people; then nothing is left open. */
export async function openNameServer(
  config: NameServerConfig | null,
  parts: NameServerParts,
): Promise<NameServer | null> {
  if (config === null) return null;
  const { storage, interfaces: configs } = config;
  const { clock, random, naming, stats, log } = parts;
  const deps = {
    clock,
    random,
    hosts: naming.hosts,
    log: log(storage.kind),
    stats: stats.scope("dtabstore"),
  };
  const store = pluginOf(storages, storage).create(storage, deps);
  const namespaces = new Namespaces(store, localInterpreter(naming));
  const open: RunningInterface[] = [];
  const close = async (graceMs: number): Promise<void> => {
    await Promise.all(open.map((each) => each.close(graceMs)));
    store.close();
  };
  try {
    for (const { config, tls } of configs) {
      const scope = stats.scope("interface", config.kind);
      const running = await pluginOf(interfaces, config).create(config, {
        namespaces,
        namers: naming.namers,
        clock,
        random,
        log: log(config.kind),
        stats: scope,
        createServer: serverMaker(tls, scope, parts),
        listenForMessages: (host, port, handle) =>
          listenForMessages(
            { host, port, tls: serverTlsOf(tls, parts.tls, scope) },
            handle,
            { clock, random, log, stats: scope },
            config.kind,
          ),
      });
      open.push(running);
      const { kind, host, port } = running;
      log("name server").info({ event: "listening", interface: kind, host, port });
    }
  } catch (error) {
    await close(0);
    throw error;
  }
  const { kind, pathPrefix } = storage;
  const storageName = typeof pathPrefix === "string" ? pathPrefix.slice(1) : kind;
  return { storageName, store, namespaces, interfaces: open, close };
}

/** The dtab of a sidecar's router stands in the target of its requests. */
const maxHeaderSize = 256 * 1024;

function serverMaker(
  tls: NameServerConfig["interfaces"][number]["tls"],
  scope: Stats,
  { tls: store, log }: NameServerParts,
): InterfaceDeps["createServer"] {
  const serverTls = serverTlsOf(tls, store, scope);
  return async (handle) =>
    serverTls === undefined
      ? createServer({ maxHeaderSize }, handle)
      : secureServer(serverTls, handle, log("name server"));
}
