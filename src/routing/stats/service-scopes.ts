// The logical names that are in use, each with what its calls share.
import type { Clock } from "../../core/clock.ts";
import type { Stats } from "../../core/stats.ts";
import { ServiceScope, serviceMetrics } from "./service-scope.ts";
import type { MetricsSource } from "./service-scope.ts";
import { SharedScopes } from "./shared-scopes.ts";

/** No logical name has parentheses. */
const unboundName = "(unbound)";

/** Owns the scopes below `service`. At most `maxNames` names have one; others share `(other)`. */
export class ServiceScopes {
  readonly #clock: Clock;
  readonly #inUse = new Map<string, ServiceScope>();
  readonly #scopes: SharedScopes<ReturnType<typeof serviceMetrics>>;
  readonly #source: MetricsSource;

  constructor(stats: Stats, clock: Clock, maxNames: number) {
    const scopes = new SharedScopes(
      stats.scope("service"),
      serviceMetrics,
      maxNames,
      stats.counter("service_names_overflow"),
    );
    this.#clock = clock;
    this.#scopes = scopes;
    let unbound: ReturnType<typeof serviceMetrics> | null = null;
    this.#source = {
      get unbound() {
        return (unbound ??= serviceMetrics(stats.scope("service", unboundName)));
      },
      open: (name) => {
        const scopeName = scopes.nameFor(name);
        return { metrics: scopes.take(scopeName), scopeName };
      },
    };
  }

  /** Each `take` needs a `release` of the same name. */
  take(name: string): ServiceScope {
    let scope = this.#inUse.get(name);
    if (scope === undefined) {
      scope = new ServiceScope(name, this.#clock, this.#source);
      this.#inUse.set(name, scope);
    }
    scope.users++;
    return scope;
  }

  release(name: string): void {
    const scope = this.#inUse.get(name);
    if (scope === undefined || --scope.users > 0) return;
    this.#inUse.delete(name);
    if (scope.scopeName !== null) this.#scopes.release(scope.scopeName);
  }
}
