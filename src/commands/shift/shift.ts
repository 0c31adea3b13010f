// `switchyard shift NAME --to TREE --store STORE ...`
import type { Command } from "../command.ts";
import { targetHelp } from "../dtab/target-help.ts";
import { defaultCondition, defaultSteps } from "./defaults.ts";

export const shiftCommand: Command = {
  name: "shift",
  summary: "Move a name's calls to another place step by step, and take them back if it is bad",
  help: `Usage: switchyard shift NAME --to TREE --store STORE --admin URL[,URL...] [options]
       switchyard shift NAME --store STORE (--resume --admin URL | --rollback | --status | --forget)

Gives TREE (such as /#/io.l5d.consul/dc1/users-v2) a growing share of the calls of NAME (such as
/svc/users) in the dtab of a namespace, watches success and latency of both sides at the proxies
given, and takes everything back as soon as a condition holds. What is under way stands in the store,
in the namespace NAMESPACE-shifts: it can be continued or taken back after this command has died.

  --store STORE       where the dtab is:
${targetHelp.replaceAll(/^/gm, "                    ")}
  --namespace NS      default: default
  --steps LIST        percentages; default: ${defaultSteps}
  --every DURATION    how long a step is watched; default: 60s
  --admin URLS        admin servers of the proxies whose figures count, separated by commas
  --token-file FILE   the token of the admin servers (admin.token)
  --abort-if COND     default: '${defaultCondition}'. Comparisons joined by and/or:
                      success<99.5%, p99>1.5x (times the old side's), p95>200ms
  --min-calls N       the condition counts from so many calls to TREE in a step on; default: 20
  --blind             watch nothing: no --admin, no condition

  --resume            go on with a shift that was interrupted
  --rollback          take it back
  --status            print it
  --forget            drop it from the store, and leave the dtab as it is

A change of NAME's dentry by somebody else stops the shift, and nothing is overwritten. Ctrl-C stops
it where it is. Exits with 0 when all steps were made, 1 when it was taken back or refused.`,
  async run(args, terminal) {
    // What it needs is loaded only here: other commands start without it.
    const { shift } = await import("./perform.ts");
    return shift(this, args, terminal);
  },
};
