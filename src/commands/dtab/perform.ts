// The work of `switchyard dtab`.
import { parseArguments, usageError } from "../command.ts";
import type { Command, ExitCode, Terminal } from "../command.ts";
import { actions } from "./actions.ts";
import { openTarget } from "./targets.ts";

export async function dtab(
  command: Command,
  args: readonly string[],
  terminal: Terminal,
): Promise<ExitCode> {
  const parsed = parseArguments(args, { force: { type: "boolean" }, path: { type: "string" } });
  if (typeof parsed === "string") return usageError(command, parsed, terminal);
  const [verb = "", store, namespace, ...rest] = parsed.positionals;
  const action = Object.hasOwn(actions, verb) ? actions[verb] : undefined;
  if (action === undefined) {
    const known = Object.keys(actions).join(", ");
    return usageError(command, `expected one of ${known}, got '${verb}'`, terminal);
  }
  if (store === undefined || (verb !== "ls" && namespace === undefined)) {
    return usageError(
      command,
      `${verb} needs a store${verb === "ls" ? "" : " and a namespace"}`,
      terminal,
    );
  }
  const target = await openTarget(store);
  if (typeof target === "string") return usageError(command, target, terminal);
  try {
    const given = { target, namespace: namespace ?? "", rest, values: parsed.values, terminal };
    const ended = await action(given);
    return typeof ended === "string" ? usageError(command, ended, terminal) : ended;
  } catch (error) {
    terminal.error(`switchyard dtab: ${(error as Error).message}`);
    return 1;
  } finally {
    target.close();
  }
}
