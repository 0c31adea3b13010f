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
