// The work of `switchyard fleet FILE --once`: asks all instances, prints a table.
import { openFleet } from "../assemble/fleet.ts";
import { openNaming } from "../assemble/naming.ts";
import type { Config } from "../config/config.ts";
import type { Fleet } from "../fleet/fleet.ts";
import { overviewOf } from "../fleet/views/overview.ts";
import { topologyOf } from "../fleet/views/topology.ts";
import { servicesOf } from "../fleet/views/service-views.ts";
import { fleetText } from "../fleet/views/table.ts";
import { systemClock } from "../runtime/timers.ts";
import { openMetrics } from "../telemetry/metrics.ts";
import type { ExitCode, Terminal } from "./command.ts";

/** How long sources may take to say what instances there are. */
const listingMs = 10_000;
const lookEveryMs = 50;

export async function fleetOnce(
  config: Config,
  checked: NonNullable<Config["fleet"]>,
  isJson: boolean,
  terminal: Terminal,
): Promise<ExitCode> {
  const clock = systemClock();
  const nothing = () => {};
  const log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
  const metrics = openMetrics(clock);
  const parts = { clock, random: Math.random, log: () => log, stats: metrics.stats };
  const naming = openNaming(config, parts);
  const running = openFleet(checked, { ...parts, log, naming });
  const started = clock.nowMs();
  const limitMs = listingMs + checked.timeoutMs;
  // Timers of the wheel do not keep the process alive, so this one does.
  await new Promise<void>((resolve) => {
    const look = setInterval(() => {
      if (!isComplete(running.fleet) && clock.nowMs() - started < limitMs) return;
      clearInterval(look);
      resolve();
    }, lookEveryMs);
  });
  const overview = overviewOf(running.fleet, () => topologyOf(running.fleet));
  const services = servicesOf(running.fleet);
  if (isJson) terminal.out(JSON.stringify({ ...overview, services }, null, 2));
  else terminal.out(fleetText(overview, services));
  running.close();
  naming.close();
  metrics.close();
  const isWell =
    overview.instances.length > 0 &&
    overview.instances.every(({ state }) => state === "ready") &&
    overview.problems.every(({ severity }) => severity === "notice");
  return isWell ? 0 : 1;
}

/** Every source has said something, and every instance was asked. */
function isComplete(fleet: Fleet): boolean {
  return (
    fleet.listings().every(({ listing }) => listing !== null && listing.targets !== null) &&
    fleet.followers().every(({ state }) => state.name !== "asked first")
  );
}
