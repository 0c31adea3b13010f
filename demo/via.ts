// The protocols of the mesh, and what a service is called over each of them.

export const protocols = ["http", "thrift", "mux"] as const;
export type Protocol = (typeof protocols)[number];

export function isProtocol(text: string): text is Protocol {
  return protocols.some((each) => each === text);
}

/** The name that `service` is found by: each protocol has ports of its own, and so a name. */
export function nameOver(protocol: Protocol, service: string): string {
  return protocol === "http" ? service : `${service}-${protocol}`;
}

/** Whether a call says on its way which dtab is its own. A plain Thrift call has no place for it. */
export function carriesDtab(protocol: Protocol): boolean {
  return protocol !== "thrift";
}

/** The label of a sidecar's router, such as `incoming-thrift`. */
export function labelOf(side: "incoming" | "outgoing", protocol: Protocol): string {
  return nameOver(protocol, side);
}

/** What one protocol needs at an instance: the service's port, and those of its sidecar. */
export interface Doors {
  readonly service: number;
  readonly incoming: number;
  readonly outgoing: number;
}

export type Ports = Readonly<Record<Protocol, Doors>> & {
  /** The sidecar's. */
  readonly admin: number;
};

/** A name under which an instance is found. */
export interface Offer {
  readonly name: string;
  readonly protocol: Protocol;
}
