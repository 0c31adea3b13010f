// `switchyard shift NAME --to TREE --store STORE ...`
import { parseTree } from "../../core/names/nametree.ts";
import { parsePath } from "../../core/names/path.ts";
import { systemClock } from "../../runtime/timers.ts";
import { parseCondition, parseDuration, parseSteps } from "../../shift/condition.ts";
import { Proxies } from "../../shift/proxies.ts";
import { beginShift, forget, runShift, shiftOf, takeBack, weightsOf } from "../../shift/shift.ts";
import type { ShiftOptions, ShiftResult } from "../../shift/shift.ts";
import type { ShiftState } from "../../shift/state.ts";
import type { DtabTarget } from "../../shift/store.ts";
import { parseArguments, usageError } from "../command.ts";
import type { Command, ExitCode, Terminal } from "../command.ts";
import { openTarget, targetHelp } from "../dtab/targets.ts";
import { fetchFrom } from "../fetch.ts";

const defaultSteps = "1%,5%,25%,50%,100%";
const defaultCondition = "success<99%";

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
    const given = read(args);
    if (typeof given === "string") return usageError(this, given, terminal);
    const target = await openTarget(given.store);
    if (typeof target === "string") return usageError(this, target, terminal);
    try {
      return await perform(target, given, terminal);
    } catch (error) {
      terminal.error(`switchyard shift: ${(error as Error).message}`);
      terminal.error(
        `what is under way: switchyard shift ${given.name} --store ${given.store} --status`,
      );
      return 1;
    } finally {
      target.close();
    }
  },
};

interface Given extends Omit<ShiftOptions, "say" | "clock"> {
  readonly store: string;
  readonly to: ShiftState["to"] | null;
  readonly steps: readonly number[];
  readonly verb: "begin" | "resume" | "rollback" | "status" | "forget";
}

const verbs = ["resume", "rollback", "status", "forget"] as const;

/** A text says what is wrong. */
function read(args: readonly string[]): Given | string {
  const parsed = parseArguments(args, {
    to: { type: "string" },
    store: { type: "string" },
    namespace: { type: "string" },
    steps: { type: "string" },
    every: { type: "string" },
    admin: { type: "string" },
    "abort-if": { type: "string" },
    "min-calls": { type: "string" },
    blind: { type: "boolean" },
    ...Object.fromEntries(verbs.map((verb) => [verb, { type: "boolean" as const }])),
  });
  if (typeof parsed === "string") return parsed;
  const { values, positionals } = parsed;
  const text = (name: string, fallback = ""): string => String(values[name] ?? fallback);
  const [named, ...more] = positionals;
  const name = parsePath(named ?? "");
  if (named === undefined || more.length > 0 || !name.ok)
    return "expected one name, such as /svc/users";
  if (values["store"] === undefined)
    return "expected --store, such as --store http://127.0.0.1:4180";
  const asked = verbs.filter((verb) => values[verb] === true);
  if (asked.length > 1) return `--${asked.join(" and --")} exclude each other`;
  const verb = asked[0] ?? "begin";
  const to = verb === "begin" ? parseTree(text("to")) : null;
  if (to !== null && !to.ok) return `--to: ${to.error.message}`;
  const steps = parseSteps(text("steps", defaultSteps));
  if (typeof steps === "string") return `--steps: ${steps}`;
  const everyMs = parseDuration(text("every", "60s"));
  if (typeof everyMs === "string") return `--every: ${everyMs}`;
  const minCalls = Number(text("min-calls", "20"));
  if (!Number.isInteger(minCalls) || minCalls < 1)
    return "--min-calls: expected a whole number above 0";
  const isBlind = values["blind"] === true;
  const admins = text("admin")
    .split(",")
    .filter((url) => url !== "");
  const needsFigures = verb === "begin" || verb === "resume";
  if (needsFigures && !isBlind && admins.length === 0) {
    return "expected --admin, the admin servers of the proxies to watch, or --blind to watch nothing";
  }
  const abortIf = isBlind ? null : parseCondition(text("abort-if", defaultCondition));
  if (typeof abortIf === "string") return `--abort-if: ${abortIf}`;
  return {
    store: text("store"),
    namespace: text("namespace", "default"),
    name: name.value,
    to: to === null ? null : to.value,
    steps,
    everyMs,
    abortIf,
    minCalls,
    proxies: isBlind || admins.length === 0 ? null : new Proxies(admins, page),
    verb,
  };
}

async function page(url: string): Promise<string> {
  const { status, text } = await fetchFrom(url);
  if (status === 200) return text;
  throw new Error(`${url} responded with ${status}: ${text.trim().slice(0, 300)}`);
}

async function perform(target: DtabTarget, given: Given, terminal: Terminal): Promise<ExitCode> {
  const { namespace, name, verb, to, steps } = given;
  const options: ShiftOptions = {
    ...given,
    clock: systemClock(),
    say: (line) => terminal.out(line),
  };
  const refuse = (why: string): ExitCode => {
    terminal.error(`switchyard shift: ${why}`);
    return 1;
  };
  if (verb === "begin") {
    const state = to === null ? "expected --to" : await beginShift(target, options, to, steps);
    return typeof state === "string" ? refuse(state) : run(target, state, options, terminal);
  }
  const state = await shiftOf(target, namespace, name);
  if (state === null) return refuse(`no shift of ${name} is under way in ${namespace}`);
  if (verb === "status") {
    terminal.out(`step ${state.step}/${state.steps.length}: ${weightsOf(state)}`);
    return 0;
  }
  if (verb === "forget") {
    await forget(target, namespace, name);
    return 0;
  }
  if (verb === "rollback") {
    const why = await takeBack(target, state, options);
    return why === null ? 0 : refuse(why);
  }
  return run(target, state, options, terminal);
}

async function run(
  target: DtabTarget,
  state: ShiftState,
  options: ShiftOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const stopping = new AbortController();
  const stop = () => stopping.abort();
  // The timers of the clock alone do not keep a process alive.
  const alive = setInterval(() => {}, 60_000);
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  try {
    return reported(await runShift(target, state, options, stopping.signal), options, terminal);
  } finally {
    clearInterval(alive);
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
  }
}

function reported(result: ShiftResult, { name }: ShiftOptions, terminal: Terminal): ExitCode {
  switch (result.kind) {
    case "done":
      return 0;
    case "taken back":
      terminal.error(`switchyard shift: ${name} was taken back: ${result.why}`);
      return 1;
    case "refused":
      terminal.error(`switchyard shift: ${result.why}`);
      return 1;
    case "stopped":
      terminal.error(
        `switchyard shift: stopped where it is; --resume continues it, --rollback takes it back`,
      );
      return 1;
    default:
      return result satisfies never;
  }
}
