// `switchyard dtab ls|get|put|edit|diff|history|rollback|rm|test STORE ...`
import type { DtabTarget } from "../../shift/store.ts";
import { parseArguments, usageError } from "../command.ts";
import type { Command, ExitCode, Terminal } from "../command.ts";
import { openTarget, targetHelp } from "./targets.ts";
import { actions } from "./actions.ts";

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

export const dtabCommand: Command = {
  name: "dtab",
  summary: "Read, write and compare the dtabs of a name server, Consul or a folder",
  help: `Usage: switchyard dtab ls       STORE
       switchyard dtab get      STORE NAMESPACE
       switchyard dtab put      STORE NAMESPACE FILE [--force]
       switchyard dtab edit     STORE NAMESPACE
       switchyard dtab diff     STORE NAMESPACE FILE
       switchyard dtab test     STORE NAMESPACE FILE --path NAME
       switchyard dtab history  STORE NAMESPACE
       switchyard dtab rollback STORE NAMESPACE [VERSION]
       switchyard dtab rm       STORE NAMESPACE

STORE is one of
${targetHelp}

  ls        the namespaces
  get       the dtab, one entry a line
  put       writes FILE (- for standard input) and prints what changes; refuses when somebody else
            has written meanwhile, unless --force
  edit      opens the dtab in $VISUAL or $EDITOR, checks it, and writes it if nobody else has
  diff      what \`put\` would change; exits with 1 if there is a difference
  test      how NAME resolves now and with FILE, by the live discovery of the name server
  history   earlier versions, of stores that keep them (io.l5d.fs)
  rollback  writes an earlier version again; by default the latest one
  rm        removes the namespace

Exits with 0 on success, 1 when the store refuses or cannot be reached.`,
  async run(args, terminal) {
    const parsed = parseArguments(args, { force: { type: "boolean" }, path: { type: "string" } });
    if (typeof parsed === "string") return usageError(this, parsed, terminal);
    const [verb = "", store, namespace, ...rest] = parsed.positionals;
    const action = Object.hasOwn(actions, verb) ? actions[verb] : undefined;
    if (action === undefined) {
      const known = Object.keys(actions).join(", ");
      return usageError(this, `expected one of ${known}, got '${verb}'`, terminal);
    }
    if (store === undefined || (verb !== "ls" && namespace === undefined)) {
      return usageError(
        this,
        `${verb} needs a store${verb === "ls" ? "" : " and a namespace"}`,
        terminal,
      );
    }
    const target = await openTarget(store);
    if (typeof target === "string") return usageError(this, target, terminal);
    try {
      const given = { target, namespace: namespace ?? "", rest, values: parsed.values, terminal };
      const ended = await action(given);
      return typeof ended === "string" ? usageError(this, ended, terminal) : ended;
    } catch (error) {
      terminal.error(`switchyard dtab: ${(error as Error).message}`);
      return 1;
    } finally {
      target.close();
    }
  },
};
