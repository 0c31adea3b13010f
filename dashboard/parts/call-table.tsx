// Calls as a list: when, what was asked, where it went, how it ended, how long it took.
import type { Call } from "../data/calls.ts";
import { address } from "../data/route.ts";
import { clockTime, figure } from "../data/words.ts";
import { Table, type Column } from "./table.tsx";

const columns: readonly Column[] = [
  { head: "when", isText: true },
  { head: "call", isText: true },
  { head: "router and name", isText: true, isWide: true },
  { head: "endpoint", isText: true, isWide: true },
  { head: "attempts", isWide: true },
  { head: "how it ended", isText: true },
  { head: "ms" },
];

interface CallTableProps {
  readonly label: string;
  readonly calls: readonly Call[];
}

export function CallTable({ label, calls }: CallTableProps) {
  return (
    <Table label={label} columns={columns}>
      {calls.map((call) => (
        <CallLine key={call.id} call={call} />
      ))}
    </Table>
  );
}

function CallLine({ call }: { readonly call: Call }) {
  const { id, at, method, target, name, endpoint, attempts, durationMs, router } = call;
  return (
    <tr class="call">
      <td class="t m dim">{clockTime(at, true)}</td>
      <th scope="row" class="t wrap">
        <a class="m" href={address("requests", { id })}>
          {whatOf(method, target)}
        </a>
        <span class="dim m to narrow">
          {router} {name ?? "no name"}
        </span>
      </th>
      <td class="t wide">
        <span class="dim">{router}</span> <span class="m">{name}</span>
      </td>
      <td class="t m wide">{endpoint ?? <span class="dim">none</span>}</td>
      <td class="wide">{attempts.length}</td>
      <td class={call.outcome === "failure" ? "t bad ended" : "t ended"}>{howOf(call)}</td>
      <td>{figure(durationMs)}</td>
    </tr>
  );
}

/** What was asked: a method and a target, of which a protocol may have only one. */
export function whatOf(method: string, target: string): string {
  return [method, target].filter((part) => part !== "").join(" ") || "not understood";
}

/** The status; of a failure its kind as well. */
export function howOf({ status, failure, outcome, retries, requeues }: Call): string {
  const parts = [status];
  if (failure !== null && failure.kind !== status) parts.push(failure.kind);
  if (outcome === "cancelled") parts.push("the caller left");
  if (retries + requeues > 0 && outcome === "success")
    return `${status} after ${retries + requeues + 1} attempts`;
  return parts.join(", ");
}
