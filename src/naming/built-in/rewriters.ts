// The rewriting namers of `/$/`: a name in, another name out, looked up again.
import { pathOfShown, segmentOf, segmentsOf, segmentText } from "../../core/names/path.ts";
import type { Path } from "../../core/names/path.ts";

/**
 * Rewrites the segments after the namer's own name: how many it takes, and what they become,
 * null when they do not have the expected form.
 */
interface Rewriter {
  readonly takes: number;
  rewrite(taken: readonly string[]): readonly string[] | null;
}

const methodName = /^[A-Z]+$/;
const hostName = /^[A-Za-z0-9.:_-]+$/;
/** A port's name or number: a DNS label as Kubernetes has it. */
const portLabel = /^[a-z0-9][-a-z0-9]*[a-z0-9]?$/;
const maxLabelLength = 63;

const rewriters: ReadonlyMap<string, Rewriter> = new Map([
  ["io.buoyant.hostportPfx", hostAndPort((host, port) => [host, port])],
  ["io.buoyant.porthostPfx", hostAndPort((host, port) => [port, host])],
  ["io.buoyant.http.anyMethod", dropped(methodName)],
  ["io.buoyant.http.anyMethodPfx", behindPrefix(dropped(methodName))],
  ["io.buoyant.http.anyHost", dropped(hostName)],
  ["io.buoyant.http.anyHostPfx", behindPrefix(dropped(hostName))],
  ["io.buoyant.http.subdomainOf", subdomain()],
  ["io.buoyant.http.subdomainOfPfx", subdomainBehindPrefix()],
  ["io.buoyant.http.domainToPath", reversedLabels()],
  ["io.buoyant.http.domainToPathPfx", behindPrefix(reversedLabels())],
]);

export const rewriterNames: readonly string[] = [...rewriters.keys()];

/**
 * The path that the rewriter `name` makes of the path after its name: null when that does not have
 * the expected form, undefined when there is no such rewriter.
 */
export function rewrittenBy(name: string, path: Path): Path | null | undefined {
  const rewriter = rewriters.get(name);
  if (rewriter === undefined) return undefined;
  const segments = segmentsOf(path);
  if (segments.length < rewriter.takes) return null;
  const taken = segments.slice(0, rewriter.takes).map(segmentText);
  const made = rewriter.rewrite(taken);
  if (made === null || made.includes("")) return null;
  return pathOfShown([...made.map(segmentOf), ...segments.slice(rewriter.takes)]);
}

function dropped(accepted: RegExp): Rewriter {
  return { takes: 1, rewrite: ([value = ""]) => (accepted.test(value) ? [] : null) };
}

/** Keeps a first segment as it is. */
function behindPrefix(inner: Rewriter): Rewriter {
  return {
    takes: inner.takes + 1,
    rewrite([prefix = "", ...taken]) {
      const made = inner.rewrite(taken);
      return made === null ? null : [prefix, ...made];
    },
  };
}

function hostAndPort(order: (host: string, port: string) => readonly string[]): Rewriter {
  return behindPrefix({
    takes: 1,
    rewrite([value = ""]) {
      const [host = "", port = "", ...more] = value.split(":");
      const isPort = portLabel.test(port) && port.length <= maxLabelLength;
      return isPort && more.length === 0 ? order(host, port) : null;
    },
  });
}

/** `/<domain>/<sub.domain>` becomes `/<sub>`; the host's port does not count. */
function subdomain(): Rewriter {
  return { takes: 2, rewrite: ([domain = "", host = ""]) => subdomainOf(domain, host) };
}

/** Here the prefix stands in the middle: `/<domain>/<pfx>/<sub.domain>` becomes `/<pfx>/<sub>`. */
function subdomainBehindPrefix(): Rewriter {
  return {
    takes: 3,
    rewrite([domain = "", prefix = "", host = ""]) {
      const sub = subdomainOf(domain, host);
      return sub === null ? null : [prefix, ...sub];
    },
  };
}

function subdomainOf(domain: string, host: string): readonly string[] | null {
  if (!hostName.test(domain) || !hostName.test(host)) return null;
  const name = host.replace(/:\d+$/, "");
  return name.endsWith(`.${domain}`) ? [name.slice(0, -domain.length - 1)] : null;
}

/** `www.example.com` becomes `/com/example/www`. */
function reversedLabels(): Rewriter {
  return {
    takes: 1,
    rewrite([host = ""]) {
      return hostName.test(host) ? host.replace(/\.+$/, "").split(".").toReversed() : null;
    },
  };
}
