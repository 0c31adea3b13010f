// `switchyard dtab ls|get|put|edit|diff|history|rollback|rm|test STORE ...`
import type { Command } from "../command.ts";
import { targetHelp } from "./target-help.ts";

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
    // What it needs is loaded only here: other commands start without it.
    const { dtab } = await import("./perform.ts");
    return dtab(this, args, terminal);
  },
};
