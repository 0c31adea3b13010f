// `switchyard explain URL NAME`: the same as for a file, asked of the running proxy.
import { bindsTo, reachesAddress } from "../../naming/binding/delegation.ts";
import { traceText } from "../../naming/binding/trace.ts";
import type { ExitCode, Terminal } from "../command.ts";
import type { AdminClient } from "./admin-client.ts";
import { chosenRouter, delegationOf, nameIn, policyLines, routersOf } from "./pages.ts";

export interface RemoteQuestion {
  readonly name: string;
  readonly router: string | undefined;
  /** Entries behind the router's own; null: none. */
  readonly dtab: string | null;
}

export async function explainRemote(
  client: AdminClient,
  { name, router: label, dtab }: RemoteQuestion,
  isJson: boolean,
  terminal: Terminal,
): Promise<ExitCode> {
  try {
    const router = chosenRouter(await routersOf(client), label);
    if (typeof router === "string") throw new Error(`${client.url}: ${router}`);
    const path = nameIn(router, name);
    const { json, delegation } = await delegationOf(client, router, path, dtab);
    const text = isJson
      ? JSON.stringify(json, null, 2)
      : traceText(delegation, { colour: terminal.hasColor });
    terminal.out(text);
    if (!isJson) for (const line of await policyLines(client, router, path)) terminal.out(line);
    if (reachesAddress(delegation)) return 0;
    const isBound = bindsTo(delegation) === "leaf";
    if (!isJson) {
      terminal.error(isBound ? `${path} is bound, but has no addresses.` : `${path} has no route.`);
    }
    return 1;
  } catch (error) {
    terminal.error(`switchyard explain: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
}
