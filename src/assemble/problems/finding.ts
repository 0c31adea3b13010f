// What is wrong at this moment, as the detectors of this folder report it.
import type { Step } from "../../config/yaml/yaml.ts";

/** `critical`: calls fail, or will for certain; `warning`: some may; `notice`: worth knowing. */
export type Severity = "critical" | "warning" | "notice";

/** What a problem is about; the keys are those of the other pages. */
export interface Subject {
  readonly router?: string;
  readonly name?: string;
  readonly client?: string;
  readonly endpoint?: string;
  readonly namer?: string;
}

export interface Finding {
  readonly kind: ProblemKind;
  /** With the kind it tells problems apart, and stays the same as long as the problem lasts. */
  readonly key: string;
  readonly severity: Severity;
  /** One sentence, with numbers. */
  readonly text: string;
  /** What to do. */
  readonly advice: string;
  /** The place in the configuration; null: it has none. */
  readonly steps: readonly Step[] | null;
  readonly subject: Subject;
  /** How long it has lasted, in milliseconds, when that is known. */
  readonly forMs?: number;
}

/** A detector yields null where it has looked and found nothing: the work is done in slices. */
export type Findings = Iterable<Finding | null>;

/** The kinds, with what each one means, in the order of `/admin/lint`. */
export const problemKinds = {
  "endpoints-down": "All endpoints of a client are out of the rotation: its calls fail.",
  "endpoints-ejected": "Some endpoints of a client are out of the rotation.",
  "no-addresses": "A client without addresses fails all its calls.",
  "addresses-unknown": "The addresses of a client cannot be looked up.",
  "name-unbound": "Calls come for a name that leads nowhere.",
  "name-unresolved": "Discovery does not say where a name leads that is called.",
  "discovery-unavailable": "A namer or an interpreter cannot ask its source.",
  "discovery-broken": "What a namer or an interpreter reads is not usable.",
  "requests-failing": "Many calls of a service fail.",
  "retry-budget-empty": "Calls are not sent again because the retry budget is spent.",
  "calls-limited": "Calls are refused because a limit is reached.",
  "calls-shed": "The process refuses calls because it has too much to do.",
  "connections-refused": "Callers are refused because connections or files have run out.",
  "balancer-panic": "So few endpoints are open that the balancer takes any.",
  "not-announced": "A server is not registered where it should be announced.",
  "certificate-expiring": "A certificate has expired, will soon, or is not valid yet.",
  "certificate-broken": "New files of a certificate are not usable, and the old ones stay in use.",
  "event-loop-late": "The event loop is late: all calls take longer.",
  "memory-held": "Calls and responses in progress hold almost as much memory as they may.",
  "files-scarce": "Almost all file descriptors are in use.",
  "log-lines-lost": "Lines of an access log could not be written.",
  "configuration-changed": "The configuration file differs from what runs.",
  "dtab-dead-end": "An entry of a dtab leads nowhere.",
  "admin-beyond-loopback": "The admin server is open to other hosts without a token.",
  "open-caller-dtabs": "Callers from elsewhere may lead calls to any address.",
  "metrics-overflow": "Names beyond the limits of the metrics are counted together.",
} as const;

export type ProblemKind = keyof typeof problemKinds;

/** At most `most` of `items`, then how many more there are. */
export function listed(items: readonly string[], most = 3): string {
  const shown = items.slice(0, most).join(", ");
  return items.length > most ? `${shown} and ${items.length - most} more` : shown;
}

export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString("en-US")} ${count === 1 ? one : many}`;
}
