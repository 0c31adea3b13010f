// The admin server with its token and its second listener, which names requests.
import { identifierPort } from "../admin/identifier-port.ts";
import { tokenDigest } from "../admin/authentication.ts";
import { openAdmin } from "../admin/server.ts";
import type { AdminDeps, AdminServer } from "../admin/server.ts";
import type { AdminViews } from "../admin/views.ts";
import { showAddress } from "../core/address.ts";
import type { Config } from "../config/config.ts";
import type { ServerTls } from "../core/tls/tls.ts";
import { tokensOf } from "../runtime/token-file.ts";
import { FileWatch, Watched } from "../runtime/watched-files.ts";

/** Rejects with a text for people when something cannot be opened; then nothing is left open. */
export async function openAdminServers(
  { host, port, security, isReadOnly, tokenPath, httpIdentifierPort }: Config["admin"],
  tls: ServerTls | undefined,
  views: AdminViews,
  deps: AdminDeps,
): Promise<AdminServer & { readonly url: string }> {
  const token = tokenPath === null ? null : openToken(tokenPath, deps);
  const shared = { host, tls, token: token?.digests };
  const servers: AdminServer[] = [];
  const close = async (graceMs: number) => {
    token?.close();
    await Promise.all(servers.map((server) => server.close(graceMs)));
  };
  try {
    const admin = await openAdmin({ ...shared, port, security, isReadOnly }, views, deps);
    servers.push(admin);
    if (httpIdentifierPort !== null) {
      servers.push(await identifierPort({ ...shared, port: httpIdentifierPort }, views, deps));
    }
    const url = urlOf(admin, tls !== undefined);
    return { host: admin.host, port: admin.port, url, close };
  } catch (error) {
    await close(0);
    throw error;
  }
}

/** For people on this host. */
function urlOf({ host, port }: AdminServer, isSecure: boolean): string {
  const reached = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
  return `${isSecure ? "https" : "http"}://${showAddress({ host: reached, port })}`;
}

/** Reads the file again when it changes; what is unusable leaves the previous tokens valid. */
function openToken(path: string, { clock, log }: AdminDeps) {
  const watch = new FileWatch(clock, log);
  const load = (read: (path: string) => string) => tokensOf(read(path)).map(tokenDigest);
  const digests = new Watched("token", [path], load);
  watch.add(digests);
  return { digests: () => digests.value, close: () => watch.close() };
}
