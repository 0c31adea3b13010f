// The dialect before Linkerd 1.0: a router with `baseDtab` gets the defaults of that time.
import type { Finding } from "../yaml/locate.ts";
import type { Kinds } from "../kinds.ts";

type Data = Record<string, unknown>;

const oldIdentifier = "io.l5d.methodAndHost";

/**
 * Writes the old defaults into the data of such routers where the file is silent: `dstPrefix` is the
 * protocol's name, and requests are named by method and host. Returns one warning for all of them.
 */
export function applyLegacyDefaults(file: unknown, kinds: Kinds): Finding[] {
  const { routers } = (file ?? {}) as Data;
  if (!Array.isArray(routers)) return [];
  const changed: number[] = [];
  let example = "";
  for (const [index, router] of (routers as unknown[]).entries()) {
    if (typeof router !== "object" || router === null) continue;
    const data = router as Data;
    const protocol = kinds.protocols.find(({ name }) => name === data["protocol"]);
    if (data["baseDtab"] === undefined || data["dtab"] !== undefined || !protocol) continue;
    const hasOldIdentifier = protocol.identifiers.some(({ kind }) => kind === oldIdentifier);
    data["dstPrefix"] ??= `/${protocol.name}`;
    if (hasOldIdentifier) data["identifier"] ??= { kind: oldIdentifier };
    example ||= `${String(data["dstPrefix"])}${hasOldIdentifier ? "/1.1/GET/my-service" : "/…"}`;
    changed.push(index);
  }
  const [first, ...others] = changed;
  if (first === undefined) return [];
  const names = others.map((index) => `routers[${index}]`).join(", ");
  const also = names === "" ? "" : `, as ${others.length === 1 ? "does" : "do"} ${names}`;
  const message = `this router speaks the dialect before Linkerd 1.0${also}: identifier defaults to ${oldIdentifier} and dstPrefix to the protocol's name, so names look like ${example}; to keep that in today's dialect, rename baseDtab to dtab and write both keys`;
  return [{ steps: ["routers", first, "baseDtab"], at: "key", message }];
}
