// The interface of a proxy in the bench: whether it is installed, and how it is started.

/** The folder, port and ten endpoints of one start of a proxy. */
export interface Place {
  /** An empty folder for this proxy alone; removed after the run. */
  readonly folder: string;
  readonly port: number;
  /** Ports of the origin on 127.0.0.1. */
  readonly origins: readonly number[];
}

/** The Host that every request carries; a service name for switchyard, ignored by the others. */
export const serviceName = "web";

export interface Peer {
  readonly name: string;
  /** `missing` says how to install it. */
  find(): { readonly version: string } | { readonly missing: string };
  /** Writes its configuration into the folder; returns the command that runs it in the foreground. */
  prepare(place: Place): readonly string[];
  /** Sends one call; returns null or the problem. When absent, HTTP is used. */
  ask?(port: number): Promise<string | null>;
}
