// Warns of servers that let callers from elsewhere lead calls to any address.
import { isLoopback } from "../../core/address.ts";
import { fieldsOf, mapsOf } from "./untyped.ts";
import type { Data } from "./untyped.ts";
import type { Finding } from "../yaml/locate.ts";

/** One warning per router, at its `callerDtab`. Works on data that may be wrong elsewhere. */
export function openDtabs(file: unknown): Finding[] {
  return mapsOf(fieldsOf(file)["routers"]).flatMap(({ data, index }): Finding[] => {
    const { callerDtab } = data;
    if (callerDtab === undefined || !permitsAll(callerDtab)) return [];
    const open = mapsOf(data["servers"]).find(({ data: server }) => isOpen(server));
    if (open === undefined) return [];
    const message =
      `whoever reaches this router's server on ${String(open.data["ip"])} may send a dtab that leads calls to any address ` +
      "that the proxy can reach: write names, or callerDtab.allow with what callers need, or clearContext: true on the server";
    return [{ steps: ["routers", index, "callerDtab"], at: "value", message }];
  });
}

function permitsAll(callerDtab: unknown): boolean {
  if (typeof callerDtab === "string") return callerDtab === "all";
  const { mode, allow } = fieldsOf(callerDtab);
  const prefixes = Array.isArray(allow) ? (allow as unknown[]) : [];
  return mode === "all" || prefixes.some((prefix) => /^\/([$#]\/?)?$/.test(String(prefix)));
}

function isOpen({ ip, clearContext }: Data): boolean {
  return typeof ip === "string" && !isLoopback(ip) && clearContext !== true;
}
