// What names become: bound names with addresses, kept current by namers and interpreters.
import type { Via } from "./calls/via.ts";
import type { Close } from "./clock.ts";
import type { Clock, Random } from "./clock.ts";
import type { Failure } from "./failure.ts";
import type { Dtab } from "./names/dtab.ts";
import type { Live } from "./live.ts";
import type { NameTree } from "./names/nametree.ts";
import type { Log } from "./log.ts";
import type { Path } from "./names/path.ts";
import type { GenericSchema } from "./schema.ts";
import type { Plugin } from "./plugin.ts";
import type { Address } from "./address.ts";
import type { ClientTlsConfig } from "./tls/tls.ts";
import type { Stats } from "./stats.ts";

/** The addresses behind a bound name. `neg`: the name has no such set (any more). */
export type AddressSet = readonly Address[] | "neg";

/** A concrete name. Clusters, pools and statistics are keyed by `id`. */
export interface Bound {
  readonly id: Path;
  readonly residual: Path;
  readonly addresses: Live<AddressSet>;
  /** The weight of the innermost union above it in the tree; informational. */
  readonly weight?: number;
  /** The rules of the dtab that led to it; null or absent: unknown, or none. For people. */
  readonly via?: Via | null;
}

/** Service discovery: Consul, a directory of files, an address literal. */
export interface Namer {
  /**
   * `path` is what follows the namer's own prefix `/#/<prefix>`, and ids it makes start with
   * `id`, that prefix. A leaf that is a Path (a rewriting namer) is looked up again.
   */
  lookup(path: Path): Live<NameTree<Bound | Path>>;
}

/** Who named a host: the configuration and discovery, or a call, by its name or its dtab. */
export type HostOrigin = "configured" | "callers";

/** Resolves host names to IP addresses, polled while watched; one for the whole process. */
export interface HostResolver {
  /**
   * IP literals without duplicates, IPv6 without brackets; empty: the name does not exist. Keeps
   * the last good result when a lookup fails; failed only before the first. Names of one origin never
   * wait for those of the other.
   */
  resolve(host: string, origin?: HostOrigin): Live<readonly string[]>;
}

export interface NamingDeps {
  readonly hosts: HostResolver;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** The plugin's own scope, such as `namer/#/io.l5d.fs`. */
  readonly stats: Stats;
}

/** A namer as configured: `/#` and its prefix in front, its transformers applied. */
export interface MountedNamer {
  /** Such as `/#/io.l5d.fs`. */
  readonly id: Path;
  readonly namer: RunningNamer;
}

/** What keeps a namer or an interpreter from knowing what it should know, at this moment. */
export interface SourceTrouble {
  /** `unavailable`: its source does not respond, or refuses; `broken`: what it says is not usable. */
  readonly kind: "unavailable" | "broken";
  /** The source: an agent, a file. The same as long as the trouble lasts. */
  readonly source: string;
  /** One sentence. */
  readonly text: string;
  /** What to do. */
  readonly advice: string;
  /** How long it has lasted, in milliseconds; null: not known. */
  readonly forMs: number | null;
  /** Whether names resolve as they did before: to the last good value. */
  readonly isLastGoodKept: boolean;
}

export interface RunningNamer extends Namer {
  /** All its names, for `/bound-names.json`; absent when the namer cannot list them. */
  boundNames?(): readonly Path[];
  /** The state of its watches, for `/namer_state/<prefix>.json`: plain JSON. */
  watchState?(): Readonly<Record<string, unknown>>;
  /** Asked about once a second. */
  troubles?(): readonly SourceTrouble[];
  close(): void;
}

export interface NamerDeps extends NamingDeps {
  /** `/#` and the configured prefix: the beginning of every id it makes. */
  readonly id: Path;
}
export type NamerPlugin = Plugin<GenericSchema, NamerDeps, RunningNamer>;

/** Changes what names are bound to; its id prefix (`/%/...`) goes in front of the ids. */
export interface Transformer {
  readonly idPrefix: Path;
  /** Whether it changes leaf by leaf, so that a delegation can show each step. */
  readonly isLeafwise: boolean;
  transform(tree: Live<NameTree<Bound>>): Live<NameTree<Bound>>;
}
export interface TransformerDeps {
  readonly hosts: HostResolver;
  /** Binds a path with the configured namers and an empty dtab (for `const` and `replace`). */
  bind(path: Path): Live<NameTree<Bound>>;
}
export type TransformerPlugin = Plugin<GenericSchema, TransformerDeps, Transformer>;

/** A session of calls with one address, whatever carries them: bytes go out, bytes come back. */
export interface MessageWire {
  /** Calls `done` once, never during `call`, and never after the result was closed, which cancels the call. */
  call(payload: Buffer, done: (response: Buffer | Failure) => void): Close;
  close(): void;
}

/** Opens the session with the first call, and again after it broke. */
export type DialMessages = (address: Address, options: DialMessageOptions) => MessageWire;

export interface DialMessageOptions {
  readonly pings: { readonly intervalMs: number; readonly timeoutMs: number };
  /** null: plain text. */
  readonly tls: ClientTlsConfig | null;
}

export interface InterpreterDeps extends NamingDeps {
  /** For interpreters that ask a name server over mux. */
  readonly dialMessages: DialMessages;
  /** In the order of the file; of those that match, the last is looked up first. */
  readonly namers: readonly MountedNamer[];
}
export type InterpreterPlugin = Plugin<GenericSchema, InterpreterDeps, Interpreter>;

/** One line of how a name was resolved: what was looked up, by which rule, what it gave. */
export interface Delegation {
  readonly type:
    | "delegate"
    | "alt"
    | "union"
    | "leaf"
    | "neg"
    | "fail"
    | "empty"
    | "exception"
    | "pending"
    | "transformation";
  readonly path: string;
  readonly dentry?: { readonly prefix: string; readonly dst: string };
  readonly delegate?: Delegation;
  readonly alt?: readonly Delegation[];
  readonly union?: readonly { readonly weight: number; readonly tree: Delegation }[];
  readonly bound?: Bound;
  readonly message?: string;
  /** Why a `neg` reached no namer, or a `pending` one is late. For people; not part of Linkerd's JSON. */
  readonly why?: string;
  /** The transformation's name, and below it the tree made of `bound`. */
  readonly name?: string;
  readonly tree?: Delegation;
  /** Of a `pending` or `exception` node: alternatives are used if there are any. Not in Linkerd's JSON. */
  readonly isLate?: boolean;
  /** Not all of it is here; what is missing was left out for its size. Not in Linkerd's JSON. */
  readonly isCut?: boolean;
}

/** How a name is resolved at this moment, one step a line, for people. */
export type Explain = (logicalName: Path, localDtab: Dtab) => string;

/**
 * Calls `done` once with whether the name is bound, immediately when that is known, else within a
 * second at the most; the result stops the lookup, after which `done` is not called.
 */
export type IsBound = (
  logicalName: Path,
  localDtab: Dtab,
  done: (isBound: boolean) => void,
) => Close;

export interface DelegateOptions {
  /** The caller's dtab. */
  readonly local?: Dtab;
  /** Alternatives behind so many nodes are left out; a node that lost some `isCut`. */
  readonly maxNodes?: number;
}

/** Applies a dtab and the namers to a name: in process, or asking a name server. */
export interface Interpreter {
  /**
   * `local` is the caller's dtab: its entries win over those of `dtab`, and what they lead to is
   * held to a budget of a few milliseconds.
   */
  bind(dtab: Dtab, path: Path, local?: Dtab): Live<NameTree<Bound>>;
  /** All alternatives, not only the one that wins; a state that is read once, for people. */
  delegate(dtab: Dtab, path: Path, options?: DelegateOptions): Live<Delegation>;
  /**
   * How a name is resolved, for people, where `delegate` cannot say it immediately: who resolves it, and
   * how to ask there. Absent: `delegate` can.
   */
  explain?(path: Path): string;
  /** Follows the kind in the address of its state: a kind may have several. */
  readonly stateName?: string;
  /** For `/<router>/interpreter_state/<kind>.json`; absent when there is no state to show. */
  watchState?(): Readonly<Record<string, unknown>>;
  /** Asked about once a second. */
  troubles?(): readonly SourceTrouble[];
  close(): void;
}
