// One server, service or client: curves, percentiles, failures, retries, endpoints.
import type { ScopeDetail, ScopeKind, ScopeRow } from "../../src/admin/dashboard/shapes.ts";
import { useKeptCalls } from "../data/calls.ts";
import { useJson } from "../data/json.ts";
import { useLive } from "../data/live.ts";
import { address } from "../data/route.ts";
import { percent } from "../data/words.ts";
import { CallTable } from "../parts/call-table.tsx";
import { EndpointTables } from "../parts/endpoint-table.tsx";
import { FailureKinds, Retries, Statuses } from "../parts/failure-kinds.tsx";
import { Percentiles } from "../parts/percentiles.tsx";
import { RowLine, rowColumns } from "../parts/row-line.tsx";
import { ScopeCharts } from "../parts/scope-charts.tsx";
import { Table } from "../parts/table.tsx";

interface PageProps {
  readonly query: URLSearchParams;
}

export const ServerPage = ({ query }: PageProps) => <ScopePage kind="server" query={query} />;
export const ServicePage = ({ query }: PageProps) => <ScopePage kind="service" query={query} />;
export const ClientPage = ({ query }: PageProps) => <ScopePage kind="client" query={query} />;

const periodMs = 1_000;

interface ScopePageProps extends PageProps {
  readonly kind: ScopeKind;
}

/** A link need not say which router: the first with that name will do. Without a name, all are listed. */
function ScopePage({ kind, query }: ScopePageProps) {
  const { rows, at } = useLive();
  const all = Array.from(rows.values()).filter((row) => row.kind === kind);
  const [name, wanted] = [query.get("name"), query.get("router")];
  const row = all.find((each) => each.name === name && (wanted ?? each.router) === each.router);
  const router = wanted ?? row?.router ?? null;
  const isNamed = name !== null && router !== null;
  const url = isNamed ? address("dashboard/scope.json", { router, kind, name }) : null;
  const loaded = useJson<ScopeDetail>(url, periodMs);
  if (name === null) return <ScopeList kind={kind} rows={all} />;
  const title = kind === "server" ? name.replace("/", ":") : name;
  return (
    <>
      <p class="crumbs">
        <a href="./">Overview</a> / {router === null ? "" : `${router} / `}
        {kind}
      </p>
      <h1 class="m">{title}</h1>
      {loaded.name === "ok" ? <Detail detail={loaded.value} /> : null}
      {loaded.name === "failed" ? <p class="bad">{loaded.why}</p> : null}
      {router === null && at !== null ? (
        <p class="dim">
          No router has a {kind} of this name now: it has not been called lately, or it is idle.
        </p>
      ) : null}
    </>
  );
}

function Detail({ detail }: { readonly detail: ScopeDetail }) {
  const { row } = detail;
  const { router, name, kind } = row;
  const filter = kind === "service" ? { router, name } : { router };
  return (
    <>
      <p class="links">
        {kind === "server" ? null : (
          <a href={address("delegator", { router, path: name })}>How it resolves</a>
        )}
        <a href={address("requests", filter)}>Recent calls</a>
        <a href={address("requests", { ...filter, failed: "true" })}>Failed calls</a>
      </p>
      <Percentiles detail={detail} />
      <ScopeCharts detail={detail} />
      {kind === "service" ? <Targets row={row} /> : null}
      {kind === "client" ? <EndpointTables router={router} client={name} /> : null}
      {kind === "server" ? null : <RecentFailures row={row} />}
      <div class="columns">
        <FailureKinds detail={detail} />
        <Statuses detail={detail} />
        <Retries detail={detail} />
      </div>
    </>
  );
}

/** The last calls that failed. */
function RecentFailures({ row: { router, name, kind } }: { readonly row: ScopeRow }) {
  const filters =
    kind === "service"
      ? { router, name, failed: "true" }
      : { router, client: name, failed: "true" };
  const kept = useKeptCalls(filters, shownFailures);
  if (kept.name !== "ok" || kept.value.length === 0) return null;
  return (
    <section>
      <h2>
        Recent failures <small class="dim">of calls as their callers saw them</small>
      </h2>
      <CallTable label="Recent failures" calls={kept.value} />
    </section>
  );
}

const shownFailures = 8;

/** The clients that a service is bound to, and their endpoints. */
function Targets({ row }: { readonly row: ScopeRow }) {
  const { rows, samples } = useLive();
  const { router, to = [], detail = "" } = row;
  if (detail !== "") return <p class="bad">{detail}</p>;
  return (
    <>
      {to.map(({ id, share }) => {
        const client = rows.get(`${router} client ${id}`);
        if (client === undefined) return null;
        return (
          <section key={id}>
            <h2>
              Goes to {id} {share < 1 ? <small class="dim">{percent(share)} of calls</small> : null}
            </h2>
            <Table label={`Client ${id}`} columns={rowColumns}>
              <RowLine row={client} depth={0} share={null} samples={samples.get(client.key)} />
            </Table>
            <EndpointTables router={router} client={id} />
          </section>
        );
      })}
    </>
  );
}

function ScopeList({
  kind,
  rows,
}: {
  readonly kind: ScopeKind;
  readonly rows: readonly ScopeRow[];
}) {
  const { samples } = useLive();
  if (rows.length === 0) return <p class="dim">No {kind} has been called yet.</p>;
  return (
    <>
      <h1>All {kind}s</h1>
      <Table label={`All ${kind}s`} columns={rowColumns}>
        {rows.map((row) => (
          <RowLine key={row.key} row={row} depth={0} share={null} samples={samples.get(row.key)} />
        ))}
      </Table>
    </>
  );
}
