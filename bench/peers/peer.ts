// What the bench asks of a proxy: is it here, and how is it started.

/** Where one start of a proxy may write, must listen, and finds its ten endpoints. */
export interface Place {
  /** Empty, its own; removed after the run. */
  readonly folder: string;
  readonly port: number;
  /** Ports of the origin on 127.0.0.1. */
  readonly origins: readonly number[];
}

/** The Host that every request carries; a service name for switchyard, ignored by the others. */
export const serviceName = "web";

export interface Peer {
  readonly name: string;
  /** `missing` says how to get it. */
  find(): { readonly version: string } | { readonly missing: string };
  /** Writes its configuration into the folder; gives the command, to be run in the foreground. */
  prepare(place: Place): readonly string[];
  /** Asks once, and gives null or what is wrong; absent: it is asked in HTTP. */
  ask?(port: number): Promise<string | null>;
}
