// What an interpreter asks of a name server, whatever the protocol between them.
import type { Close } from "../../core/clock.ts";
import type { State } from "../../core/live.ts";
import type { Dtab } from "../../core/names/dtab.ts";
import type { NameTree } from "../../core/names/nametree.ts";
import type { Path } from "../../core/names/path.ts";
import type { AddressSet, Delegation } from "../../core/naming.ts";

/** A bound name as the name server tells it; its addresses are asked for by its id. */
export interface RemoteBound {
  readonly id: Path;
  readonly residual: Path;
}

/** Receives what is watched, for as long as it is watched. */
export interface Sink<T> {
  /** The name server's answer, good or failed. */
  answered(state: State<T>): void;
  /** The name server cannot be asked at this moment, for people; it is asked again. */
  lost(problem: string): void;
}

/** Asks again after every failure until it is closed. */
export interface RemoteNames {
  /** For people: `/$/inet/127.1/4180 (127.0.0.1:4180)`. */
  readonly where: string;
  /** How people ask it for a name: a command. */
  howToAsk(path: Path): string;
  bind(dtab: Dtab, path: Path, sink: Sink<NameTree<RemoteBound>>): Close;
  addresses(id: Path, sink: Sink<AddressSet>): Close;
  /** Once; rejects with a text for people. */
  delegate(dtab: Dtab, path: Path, signal: AbortSignal): Promise<Delegation>;
  close(): void;
}
