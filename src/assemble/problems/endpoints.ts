// Clients whose endpoints are out of the rotation, or that have none.
import type { Step } from "../../config/yaml/yaml.ts";
import type { ClusterView, EndpointView } from "../../routing/cluster-view.ts";
import type { RunningRouter } from "../../assemble.ts";
import { counted, listed } from "./finding.ts";
import type { Finding, Findings } from "./finding.ts";

export function* endpointFindings(
  routers: readonly RunningRouter[],
  placeOf: (id: string, router: string) => readonly Step[],
): Findings {
  for (const { config, open } of routers) {
    for (const cluster of open.troubledClusters()) {
      yield cluster === null ? null : findingOf(cluster, config.label, placeOf);
    }
  }
}

function findingOf(
  cluster: ClusterView,
  router: string,
  placeOf: (id: string, router: string) => readonly Step[],
): Finding | null {
  const { id } = cluster;
  const shared = {
    key: `${router} ${id}`,
    steps: placeOf(id, router),
    subject: { router, client: id },
  };
  if (cluster.state === "failed") {
    const text = `The addresses of ${id} cannot be looked up: ${cluster.detail}.`;
    const advice =
      "Correct what discovery has for the name; a problem of discovery itself is listed, too.";
    return { ...shared, kind: "addresses-unknown", severity: "critical", text, advice };
  }
  const present = cluster.endpoints.filter(({ state }) => state !== "draining");
  if (present.length === 0) {
    const text = `${id} has no addresses: every call to it fails.`;
    const advice = "Start the service, or see whether it registers under this name.";
    return { ...shared, kind: "no-addresses", severity: "critical", text, advice };
  }
  const out = present.filter(({ state }) => state === "ejected" || state === "probing");
  if (out.length === 0) return null;
  const reasons = listed(
    out.map(({ address, lastError }) => `${address} (${lastError?.text ?? "?"})`),
  );
  const forMs = Math.max(...out.map(({ sinceMs }) => sinceMs));
  const [only] = out;
  const subject =
    out.length === 1 && only !== undefined
      ? { ...shared.subject, endpoint: only.address }
      : shared.subject;
  const rest = { ...shared, subject, advice: adviceOn(out), forMs };
  const all = counted(present.length, "endpoint");
  if (out.length < present.length) {
    const text = `${out.length} of ${all} of ${id} ${out.length === 1 ? "gets" : "get"} no calls: ${reasons}.`;
    return { ...rest, kind: "endpoints-ejected", severity: "warning", text };
  }
  const text =
    present.length === 1
      ? `The only endpoint of ${id} takes no calls: ${reasons}.`
      : `None of the ${all} of ${id} takes calls: ${reasons}.`;
  return { ...rest, kind: "endpoints-down", severity: "critical", text };
}

/** By the words of the errors, which say which side has to be looked at. */
function adviceOn(out: readonly EndpointView[]): string {
  const text = out.map(({ lastError }) => lastError?.text ?? "").join(" ");
  if (/certificate|TLS/.test(text)) {
    return "Renew the certificate of the service, or correct tls of the client.";
  }
  if (/refused|cannot connect|did not accept/.test(text)) {
    return "Start the service there; if it moved, discovery still has the old address.";
  }
  if (/no response|exceeded|took too long/.test(text)) {
    return "See why the service does not respond in time: its log, its load, what it waits for.";
  }
  if (/responded/.test(text))
    return "Look into the log of the service: it is up, and its calls fail.";
  return "See what the service at these addresses does, and whether it speaks the router's protocol.";
}
