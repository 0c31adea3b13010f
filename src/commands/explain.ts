// `switchyard explain FILE NAME`
import { openNaming } from "../assemble/naming.ts";
import { policyText } from "../assemble/policy.ts";
import type { RouterConfig } from "../config/config.ts";
import { concat, parseDtab } from "../core/dtab.ts";
import type { Dtab } from "../core/dtab.ts";
import type { State } from "../core/live.ts";
import type { Delegation } from "../core/naming.ts";
import { parsePath } from "../core/path.ts";
import type { Path } from "../core/path.ts";
import {
  bindsTo,
  childrenOf,
  delegationJson,
  reachesAddress,
  readDelegation,
} from "../naming/delegation.ts";
import { traceText } from "../naming/trace.ts";
import { systemClock } from "../net/timers.ts";
import { openMetrics } from "../telemetry/metrics.ts";
import { misused, readArguments } from "./command.ts";
import { loadConfig } from "./load.ts";
import type { Command, ExitCode, Terminal } from "./command.ts";

/** As long as discovery may take to answer. */
const patienceMs = 10_000;

export const explainCommand: Command = {
  name: "explain",
  summary: "Show how a name resolves: every alternative, live",
  help: `Usage: switchyard explain FILE NAME [--router LABEL] [--dtab DTAB] [--json]

Resolves NAME (such as /svc/users) as the router would, asking the configured namers, and prints what
was looked up, by which rule, what each alternative gave, and which settings of service and client
hold for the name. A NAME that does not begin with a slash
is taken as the last part of the router's dstPrefix: users is /svc/users.

  --router LABEL   the router whose dtab and interpreter to use; needed if the file has several
  --dtab DTAB      overrides behind the router's dtab, as the l5d-dtab header of a request
  --json           the tree as JSON, as /delegator.json of the admin server gives it

Exits with 0 when a call of the name would find an address, else with 1.`,
  async run(args, terminal) {
    const parsed = readArguments(args, {
      router: { type: "string" },
      dtab: { type: "string" },
      json: { type: "boolean" },
    });
    if (typeof parsed === "string") return misused(this, parsed, terminal);
    const [file, name, ...more] = parsed.positionals;
    if (file === undefined || name === undefined || more.length > 0) {
      return misused(this, "expected a configuration file and a name", terminal);
    }
    const config = await loadConfig(file, terminal);
    if (config === null) return 1;
    const { router: label, dtab: override, json } = parsed.values;
    const router = chooseRouter(config.routers, label);
    if (typeof router === "string") return misused(this, router, terminal);
    const dtab = typeof override === "string" ? parseDtab(override) : parseDtab("");
    if (!dtab.ok) return misused(this, `--dtab: ${dtab.error.message}`, terminal);
    const path = parsePath(name.startsWith("/") ? name : `${router.dstPrefix}/${name}`);
    if (!path.ok) return misused(this, `${name} is not a name: ${path.error.message}`, terminal);
    const question = { router, dtab: dtab.value, path: path.value };
    return explain(config, question, json === true, terminal);
  },
};

function chooseRouter(
  routers: readonly RouterConfig[],
  label: string | boolean | undefined,
): RouterConfig | string {
  const labels = routers.map((router) => router.label).join(", ");
  const [only, ...others] = routers;
  if (label === undefined) {
    if (only !== undefined && others.length === 0) return only;
    return `the file has several routers, choose one with --router: ${labels}`;
  }
  return (
    routers.find((router) => router.label === label) ?? `no router '${label}'; there is: ${labels}`
  );
}

interface Question {
  readonly router: RouterConfig;
  readonly dtab: Dtab;
  readonly path: Path;
}

type Namers = Parameters<typeof openNaming>[0];

async function explain(
  config: Namers,
  { router, dtab, path }: Question,
  isJson: boolean,
  terminal: Terminal,
): Promise<ExitCode> {
  const clock = systemClock();
  const log = { debug() {}, info() {}, ...complainingTo(terminal) };
  const naming = openNaming(config, {
    clock,
    random: Math.random,
    log: () => log,
    stats: openMetrics(clock).stats,
  });
  const interpreter = naming.interpreterOf(router);
  const live = interpreter.delegate(concat(router.dtab, dtab), path);
  // The wheel's timers do not keep the process alive, and a namer may wait for nothing but them.
  const alive = setInterval(() => {}, patienceMs);
  const code = await new Promise<ExitCode>((resolve) => {
    readDelegation(live, clock, patienceMs, (state) => {
      resolve(print(state, path, isJson, terminal));
      if (isJson || state.kind !== "ok") return;
      for (const line of policyText(router, path, boundIds(state.value))) terminal.out(line);
    });
  });
  clearInterval(alive);
  interpreter.close();
  naming.close();
  return code;
}

/** The clients that calls of the name may go to. */
function boundIds(delegation: Delegation): readonly Path[] {
  const own = delegation.type === "leaf" && delegation.bound ? [delegation.bound.id] : [];
  return [...new Set([...own, ...childrenOf(delegation).flatMap(boundIds)])];
}

/** What a namer warns of, such as a bad line in a file, is half of the explanation. */
function complainingTo(terminal: Terminal) {
  const complain = ({ event, ...fields }: { readonly event: string }) => {
    terminal.error(`${event}: ${JSON.stringify(fields)}`);
  };
  return { warn: complain, error: complain };
}

function print(
  state: State<Delegation>,
  path: Path,
  isJson: boolean,
  terminal: Terminal,
): ExitCode {
  if (state.kind === "ok") {
    const { value } = state;
    terminal.out(
      isJson
        ? JSON.stringify(delegationJson(value), null, 2)
        : traceText(value, { colour: terminal.hasColor }),
    );
    if (reachesAddress(value)) return 0;
    const isBound = bindsTo(value) === "leaf";
    if (!isJson) {
      terminal.error(isBound ? `${path} is bound, but to no address.` : `${path} has no route.`);
    }
    return 1;
  }
  const why =
    state.kind === "failed" ? state.why.detail : `no answer within ${patienceMs / 1_000} s`;
  terminal.error(`${path} could not be resolved: ${why}`);
  return 1;
}
