// One place that offers a service, as discovery tells it: its host may still be a name.

/** One place that offers a service. */
export interface Instance {
  /** An IP literal or a host name. */
  readonly host: string;
  readonly port: number;
  readonly weight: number;
  /** Metadata of the node and the service; absent unless `transfersMetadata`. */
  readonly meta?: Readonly<Record<string, string>>;
}

export function isSameInstances(a: readonly Instance[], b: readonly Instance[]): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b); // sorted, and read by the same code
}
