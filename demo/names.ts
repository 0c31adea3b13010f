// Asks the admin ports of the sidecars how their outgoing routers resolve the names of a conversion.
import { sendRequest, fieldsOf, isFields } from "./http.ts";
import { carriesDtab, labelOf, nameOver, type Protocol } from "./via.ts";

/** How an outgoing router resolves a logical name. */
interface Resolved {
  /** The instance whose sidecar was queried. */
  readonly sidecar: string;
  readonly logicalName: string;
  /** What the name is bound to; null when the sidecar does not know. */
  readonly clientName: string | null;
  /** The incoming ports that it balances over, as host:port. */
  readonly addresses: readonly string[];
}

/** `status` is what the control port says; `override` the request's own dtab, often empty; over
 *  `last` the converter asks for a rate. */
export function namesOnTheWay(
  status: Readonly<Record<string, unknown>>,
  override: string,
  last: Protocol,
): Promise<readonly Resolved[]> {
  const way = [
    { sidecar: "web", callee: "converter", protocol: "http" },
    { sidecar: "converter", callee: "rates", protocol: last },
  ] as const;
  const base = typeof status["dtab"] === "string" ? status["dtab"] : "";
  return Promise.all(
    way.map(({ sidecar, callee, protocol }) => {
      const own = carriesDtab(protocol) ? override : "";
      const dtab = [base, own].filter((part) => part.trim() !== "").join(" ; ");
      const router = labelOf("outgoing", protocol);
      return resolve(status, { sidecar, router, name: `/svc/${nameOver(protocol, callee)}`, dtab });
    }),
  );
}

interface RequestOptions {
  readonly sidecar: string;
  /** Its label. */
  readonly router: string;
  /** Logical. */
  readonly name: string;
  readonly dtab: string;
}

async function resolve(
  status: Readonly<Record<string, unknown>>,
  { sidecar, router, name: logicalName, dtab }: RequestOptions,
): Promise<Resolved> {
  const unknown = { sidecar, logicalName, clientName: null, addresses: [] };
  const admin = adminOf(status, sidecar);
  if (admin === null) return unknown;
  const query = new URLSearchParams({ namespace: router, path: logicalName, dtab });
  try {
    const response = await sendRequest(`${admin}/delegator.json?${query}`);
    const bound = boundIn(fieldsOf(response.body));
    return bound === null ? unknown : { sidecar, logicalName, ...bound };
  } catch {
    return unknown;
  }
}

function adminOf(status: Readonly<Record<string, unknown>>, name: string): string | null {
  const instances = Array.isArray(status["instances"]) ? status["instances"] : [];
  const found: unknown = instances.find((each) => isFields(each) && each["name"] === name);
  const admin = isFields(found) ? found["adminUrl"] : null;
  return typeof admin === "string" ? admin : null;
}

type BoundName = Pick<Resolved, "clientName" | "addresses">;

/** The first bound name of a delegation tree, in order of preference. */
function boundIn(tree: unknown): BoundName | null {
  if (!isFields(tree)) return null;
  if (isFields(tree["bound"])) return boundOf(tree["bound"]);
  const { delegate, alt, union } = tree;
  const below = [
    delegate,
    ...(Array.isArray(alt) ? alt : []),
    ...(Array.isArray(union) ? union.map((each) => (isFields(each) ? each["tree"] : null)) : []),
  ];
  for (const each of below) {
    const bound = boundIn(each);
    if (bound !== null) return bound;
  }
  return null;
}

function boundOf(bound: Readonly<Record<string, unknown>>): BoundName {
  const clientName = typeof bound["id"] === "string" ? bound["id"] : null;
  const addr = isFields(bound["addr"]) ? bound["addr"]["addrs"] : null;
  const addresses = (Array.isArray(addr) ? addr : [])
    .filter(isFields)
    .map(({ ip, port }) => `${ip}:${port}`);
  return { clientName, addresses };
}
