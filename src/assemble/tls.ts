// TLS of servers and clients: opened only for a file that has it.
import type { Config, RouterConfig } from "../config/config.ts";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import type { Path } from "../core/names/path.ts";
import type { Stats } from "../core/stats.ts";
import type { ClientTls, ServerTls, ServerTlsConfig } from "../core/tls/tls.ts";
import type { TlsStore } from "../net/tls/tls-store.ts";

/** TLS of a client id, with the captures of its prefix filled in; undefined: plain text. */
export function clientTlsOf(
  { client, tlsPlaces }: Pick<RouterConfig, "client" | "tlsPlaces">,
  id: Path,
  store: TlsStore | null,
): ClientTls | undefined {
  const { tls } = client.of(id);
  if (tls === null) return undefined;
  if (store === null) throw new Error("bug: a client with TLS, and no certificates were opened");
  const captures = client.captures(id, "tls");
  const { commonName } = tls;
  const name =
    commonName?.replace(/\{([^{}]*)\}/g, (whole, key: string) => captures.get(key) ?? whole) ??
    null;
  const entry = client.settings(id).find(({ key }) => key === "tls")?.from?.entry ?? "";
  const key = entry === "" ? "client.tls" : `client.${entry}.tls`;
  const place = tlsPlaces.get(entry);
  return store.client(tls, name, place === undefined ? key : `${key} at ${place}`);
}

/** The code of TLS is loaded only for a file that asks for TLS. Throws when a file of a client is unusable. */
export async function openTls(
  { admin, routers, nameServer }: Config,
  deps: { readonly clock: Clock; readonly log: Log; readonly stats: Stats },
): Promise<TlsStore | null> {
  const clients = routers.flatMap(({ clientTls }) => clientTls);
  const servers = routers.flatMap((router) => router.servers.filter(({ tls }) => tls !== null));
  const isAsked = nameServer?.interfaces.some(({ tls }) => tls !== null) ?? false;
  if (admin.tls === null && clients.length === 0 && servers.length === 0 && !isAsked) return null;
  const { TlsStore } = await import("../net/tls/tls-store.ts");
  const store = new TlsStore(deps);
  try {
    for (const each of clients) store.prepare(each);
  } catch (error) {
    store.close();
    throw error;
  }
  return store;
}

/** undefined: plain text. Throws with a text for people when a file is unusable. */
export function serverTlsOf(
  config: ServerTlsConfig | null,
  store: TlsStore | null,
  stats: Stats,
): ServerTls | undefined {
  if (config === null) return undefined;
  if (store === null) throw new Error("bug: a server with TLS, and no certificates were opened");
  return store.server(config, stats);
}
