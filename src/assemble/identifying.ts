// What a router would name a request, without sending it anywhere: for `admin.httpIdentifierPort`.
import type { RouterConfig } from "../config/config.ts";
import type { Failure } from "../core/failure.ts";
import type { Identifier } from "../core/identifier.ts";
import { showDtab } from "../core/names/dtab.ts";
import type { ProtocolRouter } from "../core/protocol.ts";
import type { Request } from "../core/request.ts";
import { ended, stack } from "../core/service.ts";

/** As Linkerd shows it: the name with the router's dtab and the request's own behind it. */
export type Identify = (head: Buffer) => Identified | { readonly error: string };

interface Identified {
  readonly path: string;
  readonly dtab: string;
}

/** With the settings of the router's first server. null: the protocol reads no such heads. */
export function identifying<Req extends Request, Res>(
  protocol: ProtocolRouter<Req, Res>,
  identify: Identifier<Req>,
  { dtab, servers: [server] }: RouterConfig,
): Identify | null {
  if (protocol.requestOf === undefined || server === undefined) return null;
  let result: ReturnType<Identify> = { error: "" };
  const filters = protocol.serverFilters({ ...server, gate: null, tls: undefined });
  const name = stack<Req, Res>(filters, (request) => {
    const path = identify(request);
    result =
      typeof path === "string"
        ? {
            path,
            dtab: [dtab, request.localDtab]
              .filter((d) => d.length > 0)
              .map(showDtab)
              .join(";"),
          }
        : { error: path.unidentified };
    return ended;
  });
  const refused = (why: Failure | null) => void (result = { error: why?.detail ?? "" });
  return (head) => {
    const request = protocol.requestOf?.(head) ?? "";
    if (typeof request === "string") return { error: request };
    name(request, { start() {}, end: refused });
    return result;
  };
}
