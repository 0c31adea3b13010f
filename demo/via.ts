// The protocols of the mesh, and the name of a service over each of them.

export const protocols = ["http", "thrift", "mux"] as const;
export type Protocol = (typeof protocols)[number];

export function isProtocol(text: string): text is Protocol {
  return protocols.some((each) => each === text);
}

/** The discovery name of `service`: each protocol has its own ports, and therefore its own name. */
export function nameOver(protocol: Protocol, service: string): string {
  return protocol === "http" ? service : `${service}-${protocol}`;
}

/** Whether a call carries its own dtab. A plain Thrift call has no place for one. */
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
  /** Ports of the sidecar. */
  readonly admin: number;
};

/** A name under which an instance is announced. */
export interface Offer {
  readonly name: string;
  readonly protocol: Protocol;
}
