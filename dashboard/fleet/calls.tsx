// Recent calls of all instances; each leads to its trace.
import type { FleetCall, FleetCalls } from "../../src/fleet/views/shapes.ts";
import { useJson } from "../data/json.ts";
import { address, go } from "../data/route.ts";
import { clockTime, count, rate } from "../data/words.ts";
import { Table, type Column } from "../parts/table.tsx";

const columns: readonly Column[] = [
  { head: "time", isText: true },
  { head: "instance", isText: true },
  { head: "call", isText: true },
  { head: "status", isText: true },
  { head: "ms" },
  { head: "attempts", isWide: true },
  { head: "what happened", isText: true, isWide: true },
];

const periodMs = 3_000;
const filters = ["name", "endpoint", "failed", "minMs"] as const;

export function FleetCallsPage({ query }: { readonly query: URLSearchParams }) {
  const given = Object.fromEntries(filters.map((key) => [key, query.get(key)]));
  const url = address("fleet/requests.json", { ...given, limit: 100 });
  const loaded = useJson<FleetCalls>(url, periodMs);
  return (
    <section>
      <h2>
        Recent calls of all instances{" "}
        <small class="dim">what failed, what was slow, and a sample of the rest</small>
      </h2>
      <Filters query={query} />
      {loaded.name === "loading" ? <p class="dim">Asking all instances …</p> : null}
      {loaded.name === "failed" ? <p class="bad">{loaded.why}</p> : null}
      {loaded.name === "ok" ? <Calls found={loaded.value} /> : null}
    </section>
  );
}

function Filters({ query }: { readonly query: URLSearchParams }) {
  const submitted = (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const text = (key: string) => String(form.get(key) ?? "").trim();
    const trace = text("trace");
    if (trace !== "") return go(address("fleet", { trace }));
    const failed = form.get("failed") === null ? null : "true";
    go(address("fleet", { view: "calls", name: text("name"), minMs: text("minMs"), failed }));
  };
  return (
    <form class="ask" onSubmit={submitted}>
      <label class="grow">
        Name
        <input name="name" defaultValue={query.get("name") ?? ""} placeholder="/svc/users" />
      </label>
      <label>
        Slower than, ms
        <input name="minMs" inputMode="numeric" size={6} defaultValue={query.get("minMs") ?? ""} />
      </label>
      <label class="grow">
        Trace id
        <input name="trace" placeholder="16 or 32 hexadecimal digits" />
      </label>
      <label class="row">
        <input type="checkbox" name="failed" defaultChecked={query.get("failed") !== null} />
        failed only
      </label>
      <button>Show</button>
    </form>
  );
}

function Calls({ found: { calls, asked, missing } }: { readonly found: FleetCalls }) {
  return (
    <>
      {missing.length === 0 ? null : (
        <p class="warn">
          {count(missing.length, "instance")} of {asked} did not respond:{" "}
          {missing.map(({ instance, why }) => `${instance} ${why}`).join("; ")}
        </p>
      )}
      {calls.length === 0 ? (
        <p class="dim">None of {count(asked, "instance")} kept such a call.</p>
      ) : (
        <Table label="Recent calls" columns={columns}>
          {calls.map((each) => (
            <CallLine key={`${each.instance} ${each.call.id}`} found={each} />
          ))}
        </Table>
      )}
    </>
  );
}

function CallLine({ found: { call, instanceName } }: { readonly found: FleetCall }) {
  const fields = call as { readonly [field: string]: unknown };
  const trace = fields["trace"] as { readonly traceId?: string } | null | undefined;
  const attempts = Array.isArray(fields["attempts"]) ? fields["attempts"].length : 0;
  const failure = fields["failure"] as { readonly detail?: string } | null | undefined;
  const isBad = fields["outcome"] === "failure";
  const text = `${String(fields["method"] ?? "")} ${String(fields["name"] ?? fields["target"] ?? "")}`;
  return (
    <tr>
      <td class="t dim">{clockTime(call.at, true)}</td>
      <td class="t">
        {instanceName} <span class="dim wide-inline">{String(fields["router"] ?? "")}</span>
      </td>
      <th scope="row" class="t m">
        {trace?.traceId === undefined ? (
          text
        ) : (
          <a href={address("fleet", { trace: trace.traceId })}>{text}</a>
        )}
      </th>
      <td class={isBad ? "t bad" : "t"}>{String(fields["status"] ?? "")}</td>
      <td>{rate(call.durationMs)}</td>
      <td class="wide">{attempts}</td>
      <td class="t wrap wide">{failure?.detail ?? ""}</td>
    </tr>
  );
}
