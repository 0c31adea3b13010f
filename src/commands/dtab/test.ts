// How a name resolves with the dtab of a namespace and with another one, by the name server's live discovery.
import type { Dtab } from "../../core/names/dtab.ts";
import { showDtab } from "../../core/names/dtab.ts";
import type { Path } from "../../core/names/path.ts";
import { readDelegation } from "../../naming/namerd/json.ts";
import { traceText } from "../../naming/binding/trace.ts";
import { reachesAddress } from "../../naming/binding/delegation.ts";
import type { DtabTarget } from "../../shift/store.ts";
import type { ExitCode, Terminal } from "../command.ts";
import { fetchFrom } from "../fetch.ts";

export async function compareName(
  target: DtabTarget,
  namespace: string,
  dtab: Dtab,
  path: Path,
  terminal: Terminal,
): Promise<ExitCode | string> {
  const [, url] = /^the name server (https?:\S+)$/.exec(target.where) ?? [];
  if (url === undefined) return "test needs a name server, which resolves names: http://HOST:PORT";
  const api = `${url.replace(/\/+$/, "")}/api/1/delegate`;
  const now = await delegated(
    `${api}/${encodeURIComponent(namespace)}?${new URLSearchParams({ path })}`,
  );
  const then = await delegated(api, { dtab: showDtab(dtab), path });
  terminal.out(`now, with the dtab of ${namespace}:`);
  terminal.out(indented(traceText(now)));
  terminal.out("with the new dtab:");
  terminal.out(indented(traceText(then)));
  return reachesAddress(then) ? 0 : 1;
}

async function delegated(url: string, body?: object) {
  const posted =
    body === undefined
      ? {}
      : {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(body),
        };
  const { status, text } = await fetchFrom(url, posted);
  if (status !== 200)
    throw new Error(`${url} responded with ${status}: ${text.trim().slice(0, 300)}`);
  return readDelegation(JSON.parse(text));
}

const indented = (text: string): string => text.replaceAll(/^/gm, "  ");
