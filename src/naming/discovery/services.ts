// The services of one namer, by key: watched ones, and those that are remembered for when discovery is away.
import type { NamerDeps } from "../../core/naming.ts";
import type { Instance } from "./instance.ts";
import { Polled } from "./polled.ts";
import type { PolledReport, PolledSpec } from "./polled.ts";
import { isSameInstances } from "./instance.ts";
import { Service } from "./service.ts";

/** Names come from callers. */
const maxRemembered = 1_000;

export class PolledServices {
  readonly #deps: NamerDeps;
  readonly #services = new Map<string, Service<PolledReport>>();

  constructor(deps: NamerDeps) {
    this.#deps = deps;
  }

  get(key: string, spec: Omit<PolledSpec<readonly Instance[]>, "isSame">): Service<PolledReport> {
    const known = this.#services.get(key);
    if (known !== undefined) return known;
    if (this.#services.size >= maxRemembered) this.#forgetOne();
    const { clock, random, log, stats } = this.#deps;
    const counts = { updates: stats.counter("updates"), errors: stats.counter("errors") };
    const polled = new Polled({ ...spec, isSame: isSameInstances }, { clock, random, log, counts });
    const made = new Service(polled, null, this.#deps);
    this.#services.set(key, made);
    return made;
  }

  /** For `/namer_state/...`. */
  reports(): Readonly<Record<string, unknown>> {
    const all = Array.from(this.#services, ([key, { report, instances }]) => {
      return [key, { ...report, instances }] as const;
    });
    return Object.fromEntries(all);
  }

  close(): void {
    for (const each of this.#services.values()) each.close();
  }

  /** First one that never had an instance: a name that somebody tried out. */
  #forgetOne(): void {
    const idle = [...this.#services].filter(([, { report }]) => !report.isRunning);
    const [key] = idle.find(([, { instances }]) => instances.length === 0) ?? idle[0] ?? [];
    if (key !== undefined) this.#services.delete(key);
  }
}
