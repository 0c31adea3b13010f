// Service registration: what tells others that a server of this process is there.
import type { Clock, Random } from "./clock.ts";
import type { Log } from "./log.ts";
import type { Path } from "./names/path.ts";
import type { HostResolver } from "./naming.ts";
import type { Plugin } from "./plugin.ts";
import type { GenericSchema } from "./schema.ts";

/** Where something listens; the host is an IP, `0.0.0.0` and `::` for all of this machine. */
export interface ListeningAt {
  readonly host: string;
  readonly port: number;
}

/** One server under one name. */
export interface Announcement {
  /** How it stands, for `/admin/announcer`: plain JSON. */
  state(): Readonly<Record<string, unknown>>;
  /** Takes it back: resolves when that is done, or given up after a second or two. Idempotent. */
  withdraw(): Promise<void>;
}

export interface Announcer {
  /**
   * Announces a server that listens, and goes on doing so until it is withdrawn; the caller owes
   * that. `name` is what follows the announcer's prefix, such as `/users`. Does not wait, and does
   * not fail: what is not there yet is attempted again.
   */
  announce(name: Path, server: ListeningAt): Announcement;
  /** After everything was withdrawn. */
  close(): void;
}

export interface AnnouncerDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly hosts: HostResolver;
  /** Where the admin server listens: `/admin/ready` says whether calls are taken. */
  readonly admin: ListeningAt;
}

export type AnnouncerPlugin = Plugin<GenericSchema, AnnouncerDeps, Announcer>;
