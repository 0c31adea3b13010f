// What the admin pages of a running proxy say, as far as commands use it.
import type { CallRecord } from "../../core/calls/record.ts";
import { parseDtab, showDtab } from "../../core/names/dtab.ts";
import type { Delegation } from "../../core/naming.ts";
import { readDelegation } from "../../naming/namerd/json.ts";
import { AdminError } from "./admin-client.ts";
import type { AdminClient } from "./admin-client.ts";
import { fieldsOf, listOf, textOf } from "./fields.ts";
import type { Fields } from "./fields.ts";
import { printable } from "./printable.ts";

export interface RemoteRouter {
  readonly label: string;
  readonly protocol: string;
  readonly dstPrefix: string;
  readonly interpreter: string;
  /** Of the configuration; the interpreter may have entries of its own. */
  readonly dtab: string;
}

export async function routersOf(client: AdminClient): Promise<readonly RemoteRouter[]> {
  const { registry } = fieldsOf(await client.json("/admin/registry.json"));
  return Object.entries(fieldsOf(fieldsOf(registry)["router"])).map(([label, value]) => {
    const { protocol, dstPrefix, interpreter, dtab } = fieldsOf(value);
    return {
      label,
      protocol: textOf(protocol) ?? "?",
      dstPrefix: textOf(dstPrefix) ?? "/svc",
      interpreter: textOf(interpreter) ?? "default",
      dtab: textOf(dtab) ?? "",
    };
  });
}

/** The one that is meant, or why it is not clear. */
export function chosenRouter(
  routers: readonly RemoteRouter[],
  label: string | undefined,
): RemoteRouter | string {
  const labels = routers.map((router) => router.label).join(", ");
  if (label !== undefined) {
    const found = routers.find((router) => router.label === label);
    return found ?? `no router '${label}'; there are ${labels}`;
  }
  const [only, ...others] = routers;
  if (only === undefined) return "that process has no routers";
  return others.length === 0
    ? only
    : `there are several routers; choose one with --router: ${labels}`;
}

/** `/svc/users` of `users`: as the router's identifiers name it. */
export function nameIn({ dstPrefix }: RemoteRouter, name: string): string {
  return name.startsWith("/") ? name : `${dstPrefix}/${name}`;
}

/** `extra`: entries behind the router's own, as a caller sends them. As JSON, and read. */
export async function delegationOf(
  client: AdminClient,
  { label, dtab }: RemoteRouter,
  path: string,
  extra: string | null,
): Promise<{ readonly json: unknown; readonly delegation: Delegation }> {
  const query: Record<string, string> = { namespace: label, path };
  if (extra !== null) query["dtab"] = `${dtab} ; ${extra}`;
  const json = await client.json("/delegator.json", query);
  return { json, delegation: readDelegation(json) };
}

/** The entry on one line each, as long as they are few. */
export function shownDtab(text: string): string {
  const parsed = parseDtab(text);
  return parsed.ok ? showDtab(parsed.value).replaceAll("=>", " => ").replaceAll(";", " ; ") : text;
}

/** One setting that is not a default, a line. */
export async function policyLines(
  client: AdminClient,
  { label }: RemoteRouter,
  path: string,
): Promise<readonly string[]> {
  const policy = fieldsOf(await client.json(`/${label}/policy.json`, { path }));
  const sections: [string, unknown][] = [["service", policy["service"]]];
  for (const [id, settings] of Object.entries(fieldsOf(policy["clients"]))) {
    sections.push([`client ${id}`, settings]);
  }
  return sections.flatMap(([title, settings]) => {
    const given = Object.entries(fieldsOf(settings)).filter(([, setting]) => {
      return fieldsOf(setting)["from"] !== "default";
    });
    if (given.length === 0) return [`${title}: all defaults`];
    return given.map(([key, setting]) => {
      const { value, from } = fieldsOf(setting);
      return `${title}: ${key}: ${JSON.stringify(value)}  (${String(from)})`;
    });
  });
}

/** What is wrong with any of these, worst first, in words; empty, too, for a version without the page. */
export async function problemLines(
  client: AdminClient,
  { label }: RemoteRouter,
  names: readonly string[],
): Promise<readonly string[]> {
  const page = fieldsOf(await optional(client.json("/problems.json")));
  const about = ({ subject }: Fields): boolean => {
    const { router, name, client: id } = fieldsOf(subject);
    if (textOf(router) !== null && router !== label) return false;
    const named = [name, id].filter((each) => textOf(each) !== null);
    return named.length === 0 || named.some((each) => names.includes(String(each)));
  };
  return listOf(page["problems"])
    .filter(about)
    .map(({ severity, text, advice }) => {
      const more = textOf(advice);
      return printable(`${String(severity)}: ${String(text)}${more === null ? "" : ` ${more}`}`);
    });
}

/** null: a version without the page. */
async function optional<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof AdminError && error.status === 404) return null;
    throw error;
  }
}

/** null: a version without the page. */
export async function endpointsOf(
  client: AdminClient,
  { label }: RemoteRouter,
  id: string,
): Promise<Fields | null> {
  const page = await optional(client.json("/endpoints.json", { router: label, client: id }));
  return page === null ? null : (listOf(fieldsOf(page)["clients"])[0] ?? {});
}

/** Newest first. */
export async function requestsOf(
  client: AdminClient,
  query: Readonly<Record<string, string>>,
): Promise<readonly CallRecord[]> {
  const page = fieldsOf(await client.json("/requests.json", query));
  return listOf(page["requests"]) as unknown as readonly CallRecord[];
}
