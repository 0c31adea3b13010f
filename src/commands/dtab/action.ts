// What one word behind `switchyard dtab` does.
import type { DtabTarget } from "../../shift/store.ts";
import type { ExitCode, Terminal } from "../command.ts";

export interface DtabArguments {
  readonly target: DtabTarget;
  readonly namespace: string;
  /** What follows the namespace. */
  readonly rest: readonly string[];
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
  readonly terminal: Terminal;
}

/** Resolves with an exit code, or with a text about wrong usage. Rejects with a text for people. */
export type DtabAction = (given: DtabArguments) => Promise<ExitCode | string>;
