// One server, service or client as a line of a table.
import type { ScopeRow, SparkSamples } from "../../src/admin/dashboard/shapes.ts";
import { address } from "../data/route.ts";
import { millis, percent, rate } from "../data/words.ts";
import { EndpointBar } from "./endpoint-bar.tsx";
import { Spark } from "./spark.tsx";
import type { Column } from "./table.tsx";

export const rowColumns: readonly Column[] = [
  { head: "service, and where it goes", isText: true },
  { head: "endpoints", width: 120, isText: true, isWide: true },
  { head: "calls, 10 min", width: 160, isWide: true },
  { head: "calls/s", width: 70, title: "over the last five to ten seconds" },
  { head: "success", width: 86, title: "of the last minute" },
  { head: "p99, 10 min", width: 160, isWide: true },
  { head: "p50 ms", width: 72, isWide: true, title: "of the last minute" },
  { head: "p99 ms", width: 72, title: "of the last minute" },
  { head: "in flight", width: 72, isWide: true },
];

interface RowLineProps {
  readonly row: ScopeRow;
  readonly depth: 0 | 1;
  readonly share: number | null;
  readonly samples: SparkSamples | undefined;
}

export function RowLine({ row, depth, share, samples }: RowLineProps) {
  const { kind, name, router } = row;
  const [calls, failures, , p99] = samples ?? [];
  return (
    <tr class={`${kind}${depth === 1 ? " sub" : ""}`}>
      <th scope="row" class="t">
        <span class="sr">{kind} </span>
        {share === null ? null : <span class="dim">{percent(share)} to </span>}
        <a class="m" href={address(kind, { router, name })}>
          {kind === "server" ? name.replace("/", ":") : name}
        </a>
        <Detail row={row} />
      </th>
      <td class="t wide">
        {row.endpoints === undefined ? (
          kind === "server" ? (
            <span class="dim">all callers</span>
          ) : null
        ) : (
          <EndpointBar {...row.endpoints} />
        )}
      </td>
      <td class="wide">
        <Spark curve={calls} failures={failures} label="calls a second, last ten minutes" />
      </td>
      <td>{rate(row.perSecond)}</td>
      <td class={successClass(row)}>{percent(row.success)}</td>
      <td class="wide">
        <Spark curve={p99} label="p99, last ten minutes" isQuiet />
      </td>
      <td class="wide">{millis(row.p50)}</td>
      <td>{millis(row.p99)}</td>
      <td class="wide">{row.pending === 0 ? <span class="dim">0</span> : row.pending}</td>
    </tr>
  );
}

/** Scopes that several names share, and why a name is not bound. */
function Detail({ row: { name, detail = "" } }: { readonly row: ScopeRow }) {
  if (name === "(unbound)") return <span class="detail dim"> names that lead nowhere</span>;
  if (name === "(other)") return <span class="detail dim"> names beyond the limits</span>;
  return detail === "" ? null : <span class="detail bad"> {detail}</span>;
}

/** Red is for what hurts callers; attempts that failed may have been repeated. */
export function successClass({ kind, success }: ScopeRow): string | undefined {
  if (success === null) return "dim";
  if (success >= 0.999) return undefined;
  return kind === "client" ? "warn" : "bad";
}
