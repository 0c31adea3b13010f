// Every endpoint of a client with its health: state, since when, the last error in words, the next probe.
import { useJson } from "../data/json.ts";
import { address } from "../data/route.ts";
import { clockTime, figure, lasting, percent } from "../data/words.ts";
import { Table, type Column } from "./table.tsx";

interface Endpoint {
  readonly address: string;
  readonly state: "open" | "ejected" | "probing" | "connecting" | "draining" | "busy";
  readonly sinceMs: number;
  readonly lastError: { readonly at: string; readonly text: string } | null;
  readonly nextProbeMs: number | null;
  readonly weight: number;
  readonly load: number;
  readonly pending: number;
  readonly connections: number;
  readonly latencyMs: number | null;
  readonly lastMinute: { readonly requests: number; readonly successRate: number | null };
}

interface ClientHealth {
  readonly router: string;
  readonly client: string;
  readonly state: string;
  readonly source: { readonly ageMs: number | null; readonly problem: string | null } | null;
  readonly endpoints: readonly Endpoint[];
}

const columns: readonly Column[] = [
  { head: "endpoint", isText: true },
  { head: "state", isText: true },
  { head: "last error", isText: true, isWide: true },
  { head: "calls, 1 min", isWide: true },
  { head: "success" },
  { head: "latency ms", isWide: true, title: "moving average" },
  { head: "in flight", isWide: true },
  { head: "connections", isWide: true },
  { head: "weight", isWide: true },
];

const periodMs = 1_000;

export function EndpointTables(props: { readonly router: string; readonly client: string }) {
  const { router, client } = props;
  const url = address("endpoints.json", { router, client });
  const loaded = useJson<{ readonly clients: readonly ClientHealth[] }>(url, periodMs);
  if (loaded.name === "loading") return null;
  if (loaded.name === "failed") {
    return <p class="dim">The health of its endpoints is not known: {loaded.why}</p>;
  }
  return (
    <>
      {loaded.value.clients.map((each) => (
        <EndpointTable key={each.client} health={each} />
      ))}
    </>
  );
}

function EndpointTable({ health }: { readonly health: ClientHealth }) {
  const { router, client, endpoints, source, state } = health;
  return (
    <section>
      <h2>
        Endpoints <Source source={source} state={state} />
      </h2>
      {endpoints.length === 0 ? (
        <p class="bad">None: every call of this client fails.</p>
      ) : (
        <Table label={`Endpoints of ${client}`} columns={columns}>
          {endpoints.map((endpoint) => (
            <EndpointLine key={endpoint.address} endpoint={endpoint} router={router} />
          ))}
        </Table>
      )}
    </section>
  );
}

function Source({ source, state }: Pick<ClientHealth, "source" | "state">) {
  const problem = source?.problem ?? null;
  if (problem !== null) return <small class="bad">{problem}</small>;
  const ageMs = source?.ageMs ?? null;
  if (ageMs === null) return <small class="dim">{state}</small>;
  return <small class="dim">as discovery said {lasting(ageMs)} ago</small>;
}

interface EndpointLineProps {
  readonly endpoint: Endpoint;
  readonly router: string;
}

function EndpointLine({ endpoint, router }: EndpointLineProps) {
  const { lastError, lastMinute, nextProbeMs, latencyMs } = endpoint;
  const isBad = endpoint.state === "ejected" || endpoint.state === "probing";
  return (
    <tr>
      <th scope="row" class="t address">
        <a class="m" href={address("requests", { router, endpoint: endpoint.address })}>
          {endpoint.address}
        </a>
      </th>
      <td class={isBad ? "t bad state" : "t state"}>
        {endpoint.state} <span class="dim">{lasting(endpoint.sinceMs)}</span>
        {nextProbeMs === null ? null : (
          <span class="dim">, next probe in {lasting(nextProbeMs)}</span>
        )}
        {lastError === null ? null : <span class="narrow">{lastError.text}</span>}
      </td>
      <td class="t wrap wide">
        {lastError === null ? (
          <span class="dim">none</span>
        ) : (
          <>
            {lastError.text} <span class="dim">{clockTime(lastError.at)}</span>
          </>
        )}
      </td>
      <td class="wide">{figure(lastMinute.requests)}</td>
      <td class={(lastMinute.successRate ?? 1) < 0.99 ? "bad" : undefined}>
        {percent(lastMinute.successRate)}
      </td>
      <td class="wide">{latencyMs === null ? "–" : figure(latencyMs)}</td>
      <td class="wide">{endpoint.pending}</td>
      <td class="wide">{endpoint.connections}</td>
      <td class="wide">{figure(endpoint.weight)}</td>
    </tr>
  );
}
