// Where an endpoint is: one member of a set that discovery gave.

/** One place that takes calls. `meta` is what discovery knows of it beyond the address. */
export interface Address {
  /** An IP literal; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  /** Share of traffic relative to the other addresses of the set; 1 unless discovery says. */
  readonly weight: number;
  /** `authority`: the Host header that the endpoint wants; `nodeName`, ... */
  readonly meta?: Readonly<Record<string, string>>;
}

/** `127.0.0.1:4114`, `[::1]:4114`: also the key of an endpoint within its cluster. */
export function showAddress({ host, port }: Pick<Address, "host" | "port">): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether only this machine can reach an IP literal. */
export function isLoopback(host: string): boolean {
  return /^(::ffff:)?127(\.\d{1,3}){3}$/i.test(host) || /^[0:]*:0*1$/.test(host);
}
export interface ListedInstance {
  /** What the list calls it; null: nothing. */
  readonly name: string | null;
  /** An IP literal, without brackets, or a host name. */
  readonly host: string;
  readonly port: number;
}

/** null: neither `NAME HOST:PORT` nor `HOST:PORT`. A blank may stand for the colon. */
export function parseInstance(text: string): ListedInstance | null {
  const alone = hostAndPort(text);
  if (alone !== null) return { name: null, ...alone };
  const [, name = "", rest = ""] = /^(\S+)\s+(.+)$/.exec(text.trim()) ?? [];
  const named = hostAndPort(rest);
  return named === null ? null : { name, ...named };
}

function hostAndPort(text: string): { readonly host: string; readonly port: number } | null {
  const parts = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]/]+))(?::|\s+)(\d{1,5})$/.exec(text.trim());
  const host = parts?.[1] ?? parts?.[2];
  const port = Number(parts?.[3]);
  return host === undefined || port < 1 || port > 65_535 ? null : { host, port };
}
