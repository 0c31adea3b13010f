// The command that shows what a running proxy knows, ready to be copied from an error.
import { showDtab } from "../names/dtab.ts";
import type { Dtab } from "../names/dtab.ts";

/** Where the command asks. */
export interface AskedProxy {
  /** Such as `http://127.0.0.1:9990`; absent where there is no admin server: then a file is asked. */
  readonly adminUrl?: string | undefined;
  /** The router's label. */
  readonly label: string;
}

/** What becomes of a name. `localDtab`: what the call brought with it. */
export function whyNameCommand(
  { adminUrl, label }: AskedProxy,
  name: string,
  localDtab: Dtab,
): string {
  const command = adminUrl === undefined ? "explain FILE" : `why ${adminUrl}`;
  // Dtabs contain no quotes.
  const dtab = localDtab.length === 0 ? "" : ` --dtab '${showDtab(localDtab)}'`;
  return `switchyard ${command} ${quoted(name)} --router ${quoted(label)}${dtab}`;
}

/** What became of a call; null: nobody can be asked. */
export function whyCallCommand({ adminUrl }: AskedProxy, traceId: string): string | null {
  return adminUrl === undefined ? null : `switchyard why ${adminUrl} ${traceId}`;
}

/** As one word of a shell: callers choose names. */
function quoted(text: string): string {
  return /^[\w/.:%@+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
