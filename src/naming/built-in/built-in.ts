// The names that need no configuration, `/$/...`: literal addresses, ends, rewriters.
import { failure } from "../../core/failure.ts";
import { constant, failed, ok } from "../../core/live.ts";
import type { Live } from "../../core/live.ts";
import { empty, fail, leaf, neg } from "../../core/names/nametree.ts";
import type { NameTree } from "../../core/names/nametree.ts";
import type { Bound, HostResolver, MountedNamer } from "../../core/naming.ts";
import { append, drop, join, pathLiteral, segmentsOf, segmentText } from "../../core/names/path.ts";
import type { Path } from "../../core/names/path.ts";
import { boundInet, fixedHostAddresses, hostAddresses, portOf } from "./inet.ts";
import { rewriterNames, rewrittenBy } from "./rewriters.ts";

const id = pathLiteral("/$");

/** The first segments that are known below `/$`. */
export const builtInNames: readonly string[] = [
  "inet",
  "fixedinet",
  "nil",
  "fail",
  "io.buoyant.rinet",
  ...rewriterNames,
];

type Found = Live<NameTree<Bound | Path>>;

/**
 * The namer of `/$/`. What it polls is shared by host name, and only polled while it is watched.
 */
export function utilityNamer(hosts: HostResolver): MountedNamer {
  return {
    id,
    namer: { lookup: (path) => lookup(hosts, path), close: () => {} },
  };
}

function lookup(hosts: HostResolver, path: Path): Found {
  const [name] = segmentsOf(path);
  if (name === undefined) return constant(ok(neg));
  const rest = drop(path, 1);
  switch (name) {
    case "inet":
    case "fixedinet":
      return inet(hosts, name, path);
    case "nil":
      return constant(ok(empty));
    case "fail":
      return constant(ok(fail));
    case "io.buoyant.rinet":
      return rinet(hosts, path);
    default: {
      const rewritten = rewrittenBy(name, rest);
      if (rewritten === undefined) return unknown(path, "");
      return constant(ok(rewritten === null ? neg : leaf(rewritten)));
    }
  }
}

/** `/inet/<host>/<port>`, or `/inet/<port>` for this host; tried in this order. */
function inet(hosts: HostResolver, name: "inet" | "fixedinet", path: Path): Found {
  const segments = segmentsOf(path);
  const [, host = "", port = ""] = segments.map(segmentText);
  const addressesOf = name === "inet" ? hostAddresses : fixedHostAddresses;
  const number = portOf(port);
  if (number !== null) {
    const addresses = addressesOf(hosts, host, number);
    return bound(boundInet(id, segments.slice(0, 3), drop(path, 3), addresses));
  }
  const own = portOf(host);
  if (own !== null) {
    const addresses = addressesOf(hosts, "127.0.0.1", own);
    return bound(boundInet(id, segments.slice(0, 2), drop(path, 2), addresses));
  }
  return unknown(path, `; write /$/${name}/<host>/<port> with a port of 1..65535`);
}

/** `/io.buoyant.rinet/<port>/<host>`. */
function rinet(hosts: HostResolver, path: Path): Found {
  const segments = segmentsOf(path);
  const [, port = "", host] = segments.map(segmentText);
  const number = portOf(port);
  if (number === null || host === undefined) return constant(ok(neg));
  const addresses = hostAddresses(hosts, host, number);
  return bound(boundInet(id, segments.slice(0, 3), drop(path, 3), addresses));
}

function bound(value: Bound): Found {
  return constant(ok(leaf(value)));
}

/** Not `~`: a name that is misspelt must not fall through to another. */
function unknown(path: Path, hint: string): Found {
  const [name = ""] = segmentsOf(path);
  const problem = `Unknown namer: ${append(id, name)} for path: ${join(id, path)}`;
  return constant(failed(failure("unbound", `${problem}${hint}`)));
}
