// All services of the fleet, merged over its instances.
import { MergedService } from "./merged.ts";

/** Names are chosen by callers: with more services than this, the rest is counted by instance only. */
const maxServices = 1_000;

export class Services {
  readonly #services = new Map<string, MergedService>();
  readonly #names = new Map<string, string>();
  /** Slices of services for which there was no room. */
  refused = 0;

  /** null: there are too many. */
  of(router: string, name: string): MergedService | null {
    const key = `${router} ${name}`;
    const known = this.#services.get(key);
    if (known !== undefined) return known;
    if (this.#services.size >= maxServices) {
      this.refused += 1;
      return null;
    }
    const made = new MergedService(router, this.nameOf(name));
    this.#services.set(key, made);
    return made;
  }

  all(): readonly MergedService[] {
    return Array.from(this.#services.values());
  }

  find(router: string, name: string): MergedService | undefined {
    return this.#services.get(`${router} ${name}`);
  }

  /** The same text for all instances: two hundred of them share their names. */
  nameOf(name: string): string {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    if (this.#names.size >= 100_000) this.#names.clear();
    this.#names.set(name, name);
    return name;
  }

  prune(wallMs: number): void {
    for (const [key, service] of this.#services) {
      if (service.prune(wallMs)) this.#services.delete(key);
    }
  }
}
