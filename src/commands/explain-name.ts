// The work of `switchyard explain`. A file of its own, which explain.ts loads only after file and name
// were checked: it brings in all of naming.
import { openNaming } from "../assemble/naming.ts";
import { policyText } from "../assemble/policy.ts";
import type { RouterConfig } from "../config/config.ts";
import type { Dtab } from "../core/names/dtab.ts";
import type { State } from "../core/live.ts";
import type { Delegation } from "../core/naming.ts";
import type { Path } from "../core/names/path.ts";
import {
  bindsTo,
  childrenOf,
  delegationToJson,
  reachesAddress,
  readDelegation,
} from "../naming/binding/delegation.ts";
import { traceText } from "../naming/binding/trace.ts";
import { systemClock } from "../runtime/timers.ts";
import { openMetrics } from "../telemetry/metrics.ts";
import type { ExitCode, Terminal } from "./command.ts";

/** Time limit for discovery to respond. */
const discoveryTimeoutMs = 10_000;

interface Question {
  readonly router: RouterConfig;
  readonly dtab: Dtab;
  readonly path: Path;
}

type Namers = Parameters<typeof openNaming>[0];

export async function explainName(
  config: Namers,
  { router, dtab, path }: Question,
  isJson: boolean,
  terminal: Terminal,
): Promise<ExitCode> {
  const clock = systemClock();
  const log = { debug() {}, info() {}, ...warningsTo(terminal) };
  const naming = openNaming(config, {
    clock,
    random: Math.random,
    log: () => log,
    stats: openMetrics(clock).stats,
  });
  const interpreter = naming.interpreterOf(router);
  const live = interpreter.delegate(router.dtab, path, { local: dtab });
  // Timers of the wheel do not keep the process alive, and a namer may be waiting for nothing else.
  const alive = setInterval(() => {}, discoveryTimeoutMs);
  const code = await new Promise<ExitCode>((resolve) => {
    readDelegation(live, clock, discoveryTimeoutMs, (state) => {
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

/** The clients that calls to the name may reach. */
function boundIds(delegation: Delegation): readonly Path[] {
  const own = delegation.type === "leaf" && delegation.bound ? [delegation.bound.id] : [];
  return [...new Set([...own, ...childrenOf(delegation).flatMap(boundIds)])];
}

/** Warnings of a namer, such as a bad line in a file, belong to the explanation. */
function warningsTo(terminal: Terminal) {
  const print = ({ event, ...fields }: { readonly event: string }) => {
    terminal.error(`${event}: ${JSON.stringify(fields)}`);
  };
  return { warn: print, error: print };
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
        ? JSON.stringify(delegationToJson(value), null, 2)
        : traceText(value, { colour: terminal.hasColor }),
    );
    if (reachesAddress(value)) return 0;
    const isBound = bindsTo(value) === "leaf";
    if (!isJson) {
      terminal.error(isBound ? `${path} is bound, but has no addresses.` : `${path} has no route.`);
    }
    return 1;
  }
  const why =
    state.kind === "failed"
      ? state.why.detail
      : `discovery did not respond within ${discoveryTimeoutMs / 1_000} s`;
  terminal.error(`${path} could not be resolved: ${why}`);
  return 1;
}
