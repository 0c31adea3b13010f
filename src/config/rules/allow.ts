// `allow` of servers: it needs callers with certificates, and no way around it.
import type { Finding } from "../yaml/locate.ts";
import type { Step } from "../yaml/yaml.ts";
import { fieldsOf, mapsOf } from "./untyped.ts";
import type { Data } from "./untyped.ts";

/** Errors: the callers of a server with `allow` would be nobody. */
export function allowWithoutCallers(router: Data, steps: readonly Step[]): Finding[] {
  return allowing(router).flatMap(({ data, index }) => {
    const { requireClientAuth, caCertPath } = fieldsOf(data["tls"]);
    if (requireClientAuth === true && caCertPath !== undefined) return [];
    const message =
      "callers are known by their certificates: write tls with requireClientAuth: true and caCertPath";
    return [{ steps: [...steps, "servers", index, "allow"], at: "key", message } as const];
  });
}

/** Warnings: names that no call has, and dtabs that lead permitted names to others. */
export function allowInVain(router: Data, steps: readonly Step[]): Finding[] {
  const { callerDtab, dstPrefix = "/svc" } = router;
  const mode = typeof callerDtab === "string" ? callerDtab : fieldsOf(callerDtab)["mode"];
  return allowing(router).flatMap(({ data, index }) => {
    const findings = mapsOf(data["allow"]).flatMap((rule): Finding[] => {
      const paths = Array.isArray(rule.data["paths"]) ? (rule.data["paths"] as unknown[]) : [];
      return paths.flatMap((path, i) => {
        if (typeof path !== "string" || overlap(path, String(dstPrefix))) return [];
        const at = [...steps, "servers", index, "allow", rule.index, "paths", i];
        const message = `no name of this router begins so: they begin with ${String(dstPrefix)}`;
        return [{ steps: at, at: "value" as const, message }];
      });
    });
    if (mode === undefined || mode === "none" || data["clearContext"] === true) return findings;
    const message =
      "a caller may send a dtab that leads a name which allow permits to one which it does not: write none";
    return [...findings, { steps: [...steps, "callerDtab"], at: "value" as const, message }];
  });
}

const allowing = (router: Data) =>
  mapsOf(router["servers"]).filter(({ data }) => data["allow"] !== undefined);

/** Whether one begins as the other does; `*` and captures fit anything. */
function overlap(pattern: string, prefix: string): boolean {
  const [parts, wanted] = [pattern, prefix].map((text) => text.split("/").filter(Boolean));
  return (wanted ?? []).every((segment, i) => {
    const part = parts?.[i];
    return part === undefined || part === segment || /[*{]/.test(part);
  });
}
