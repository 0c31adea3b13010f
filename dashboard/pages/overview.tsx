// Problems first, then a table for each router: services and, below each, the clients that it goes to.
import type { RouterInfo, ScopeRow } from "../../src/admin/dashboard/shapes.ts";
import { useLive, type Live } from "../data/live.ts";
import { address } from "../data/route.ts";
import { count } from "../data/words.ts";
import { ProblemList } from "../parts/problems.tsx";
import { RowLine, rowColumns } from "../parts/row-line.tsx";
import { Table } from "../parts/table.tsx";

export function OverviewPage() {
  const live = useLive();
  if (live.at === null) return <p class="dim">Waiting for the first data …</p>;
  const rows = Array.from(live.rows.values());
  const called = live.routers.filter(({ label }) =>
    rows.some(({ router, calls }) => router === label && calls > 0),
  );
  const idle = live.routers.filter((router) => !called.includes(router));
  return (
    <>
      <h1 class="sr">Overview</h1>
      <ProblemList />
      {called.map((router) => (
        <RouterTable key={router.label} router={router} live={live} />
      ))}
      {live.leftOut === 0 ? null : (
        <p class="dim">
          {count(live.leftOut, "more row")} with fewer calls: see{" "}
          <a href="admin/metrics.json?pretty=1">all metrics</a>.
        </p>
      )}
      <IdleRouters routers={idle} />
    </>
  );
}

function RouterTable({ router, live }: { readonly router: RouterInfo; readonly live: Live }) {
  const own = Array.from(live.rows.values()).filter((row) => row.router === router.label);
  return (
    <section>
      <RouterHead router={router} />
      <Table label={`Router ${router.label}`} columns={rowColumns}>
        {linesOf(own).map(({ row, depth, share }) => (
          <RowLine
            key={`${row.key} ${depth}`}
            row={row}
            depth={depth}
            share={share}
            samples={live.samples.get(row.key)}
          />
        ))}
      </Table>
    </section>
  );
}

function RouterHead({ router }: { readonly router: RouterInfo }) {
  const { label, protocol, servers, dtab, interpreter } = router;
  const entries = dtab === "" ? [] : dtab.split(";").filter((entry) => entry.trim() !== "");
  return (
    <div class="head">
      <h2>{label}</h2>
      <span>{protocol}</span>
      <span class="m">{servers.join(", ")}</span>
      {interpreter === "default" ? null : <span>{interpreter}</span>}
      <details>
        <summary>{count(entries.length, "dtab entry", "dtab entries")}</summary>
        <pre>{entries.map((entry) => `${entry.trim()} ;`).join("\n")}</pre>
        <a href={address("delegator", { router: label })}>Try names and other dtabs</a>
      </details>
    </div>
  );
}

interface Line {
  readonly row: ScopeRow;
  /** 1: a client below its service. */
  readonly depth: 0 | 1;
  /** Of the service's calls, if it is not all. */
  readonly share: number | null;
}

/** Servers, then services in alphabetical order, each with its clients, then clients of no service. */
function linesOf(rows: readonly ScopeRow[]): Line[] {
  const byName = (a: ScopeRow, b: ScopeRow) => (a.name < b.name ? -1 : 1);
  const of = (kind: ScopeRow["kind"]) => rows.filter((row) => row.kind === kind).sort(byName);
  const clients = new Map(of("client").map((row) => [row.name, row]));
  const named = new Set<string>();
  const lines = of("service").flatMap((row): Line[] => {
    const below = (row.to ?? []).flatMap(({ id, share }): Line[] => {
      const client = clients.get(id);
      named.add(id);
      return client === undefined
        ? []
        : [{ row: client, depth: 1, share: share < 1 ? share : null }];
    });
    return [{ row, depth: 0, share: null }, ...below];
  });
  const others = [...clients.values()].filter(({ name }) => !named.has(name));
  return [
    ...of("server").map((row): Line => ({ row, depth: 0, share: null })),
    ...lines,
    ...others.map((row): Line => ({ row, depth: 0, share: null })),
  ];
}

function IdleRouters({ routers }: { readonly routers: readonly RouterInfo[] }) {
  if (routers.length === 0) return null;
  return (
    <section>
      <h2>Without a call so far</h2>
      {routers.map((router) => (
        <RouterHead key={router.label} router={router} />
      ))}
    </section>
  );
}
