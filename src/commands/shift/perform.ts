// The work of `switchyard shift`.
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
import { openTarget } from "../dtab/targets.ts";
import { adminClients } from "../remote/admin-client.ts";
import { defaultCondition, defaultSteps } from "./defaults.ts";

export async function shift(
  command: Command,
  args: readonly string[],
  terminal: Terminal,
): Promise<ExitCode> {
  const given = await read(args);
  if (typeof given === "string") return usageError(command, given, terminal);
  const target = await openTarget(given.store);
  if (typeof target === "string") return usageError(command, target, terminal);
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
}

interface Given extends Omit<ShiftOptions, "say" | "clock"> {
  readonly store: string;
  readonly to: ShiftState["to"] | null;
  readonly steps: readonly number[];
  readonly verb: "begin" | "resume" | "rollback" | "status" | "forget";
}

const verbs = ["resume", "rollback", "status", "forget"] as const;

const options = {
  to: { type: "string" },
  store: { type: "string" },
  namespace: { type: "string" },
  steps: { type: "string" },
  every: { type: "string" },
  admin: { type: "string" },
  "token-file": { type: "string" },
  "abort-if": { type: "string" },
  "min-calls": { type: "string" },
  blind: { type: "boolean" },
  ...Object.fromEntries(verbs.map((verb) => [verb, { type: "boolean" } as const])),
} as const;

/** A text says what is wrong. */
async function read(args: readonly string[]): Promise<Given | string> {
  const parsed = parseArguments(args, options);
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
  const watches = needsFigures && !isBlind;
  const clients = watches
    ? await adminClients(admins, values["token-file"] as string | undefined)
    : [];
  if (typeof clients === "string") return `--admin: ${clients}`;
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
    proxies: watches ? new Proxies(clients) : null,
    verb,
  };
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
