// `switchyard fleet FILE`
import { usageError, singleFile, parseArguments } from "./command.ts";
import { loadConfig } from "./load.ts";
import type { Command } from "./command.ts";

export const fleetCommand: Command = {
  name: "fleet",
  summary: "Watch many instances: one page for all, or a table here",
  help: `Usage: switchyard fleet FILE [--once] [--json]

Runs what FILE describes, which must have a section fleet: the list of instances to watch. A file for
this alone needs nothing else:

  admin: { port: 9980 }
  fleet:
    instances: [web 10.0.0.1:9990, rates-1 10.0.0.2:9990]

The page is /fleet on the admin port. See docs/fleet.md.

  --once   asks every instance once, prints instances, problems and services, and exits
  --json   with --once: prints JSON, as /fleet.json and /fleet/services.json have it

With --once it exits with 0 when all instances are ready and nothing is wrong, otherwise with 1.`,
  async run(args, terminal) {
    const parsed = parseArguments(args, { once: { type: "boolean" }, json: { type: "boolean" } });
    if (typeof parsed === "string") return usageError(this, parsed, terminal);
    const chosen = singleFile(parsed.positionals);
    if ("problem" in chosen) return usageError(this, chosen.problem, terminal);
    const { once = false, json = false } = parsed.values;
    if (json === true && once !== true) return usageError(this, "--json needs --once", terminal);
    const config = await loadConfig(chosen.file, terminal);
    if (config === null) return 1;
    const { fleet } = config;
    if (fleet === null) {
      terminal.error(`${chosen.file}: has no section fleet, which says what instances to watch`);
      return 1;
    }
    if (once === true) {
      const { fleetOnce } = await import("./fleet-once.ts");
      return fleetOnce(config, fleet, json === true, terminal);
    }
    const { runProxy } = await import("./run-proxy.ts");
    return runProxy(config, chosen.file, terminal);
  },
};
