// The announcers of one router, or of the admin server, and what they announce of its servers.
import type { AnnouncerConfig, ServerConfig } from "../config/config.ts";
import type {
  Announcement,
  Announcer,
  AnnouncerDeps,
  AnnouncerPlugin,
  ListeningAt,
} from "../core/announcer.ts";
import { startsWith, without } from "../core/names/path.ts";
import type { Path } from "../core/names/path.ts";
import { pluginOf } from "../core/plugin.ts";

interface Announced {
  readonly name: Path;
  readonly announcement: Announcement;
}

/** Owned by the router, which closes it before its servers; that of the admin server by assemble. */
export class Announcing {
  readonly #announcers: readonly { readonly id: Path; readonly announcer: Announcer }[];
  readonly #announced: Announced[] = [];

  constructor(
    configs: readonly AnnouncerConfig[],
    plugins: readonly AnnouncerPlugin[],
    deps: AnnouncerDeps,
  ) {
    this.#announcers = configs.map(({ id, config: each }) => ({
      id,
      announcer: pluginOf(plugins, each).create(each, deps),
    }));
  }

  /** Each name goes to every announcer whose prefix it begins with. */
  announce({ announce }: Pick<ServerConfig, "announce">, server: ListeningAt): void {
    for (const name of announce) {
      for (const { id, announcer } of this.#announcers) {
        if (!startsWith(name, id)) continue;
        const announcement = announcer.announce(without(name, id), server);
        this.#announced.push({ name, announcement });
      }
    }
  }

  /** For `/admin/announcer`. */
  states(): readonly Readonly<Record<string, unknown>>[] {
    return this.#announced.map(({ name, announcement }) => ({ name, ...announcement.state() }));
  }

  /** Resolves when everything is withdrawn, or given up. */
  async close(): Promise<void> {
    await Promise.all(this.#announced.map(({ announcement }) => announcement.withdraw()));
    for (const { announcer } of this.#announcers) announcer.close();
  }
}
