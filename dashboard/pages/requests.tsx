// Recent calls and the live tap in one list with filters; one call with its time line.
import { useState } from "preact/hooks";
import { useKeptCalls, useTap, type Call, type CallFilters } from "../data/calls.ts";
import { useLive } from "../data/live.ts";
import { address, go } from "../data/route.ts";
import { count, figure } from "../data/words.ts";
import { CallPage } from "../parts/call-detail.tsx";
import { CallTable } from "../parts/call-table.tsx";

interface PageProps {
  readonly query: URLSearchParams;
}

const filterNames = [
  "router",
  "name",
  "client",
  "endpoint",
  "method",
  "status",
  "minMs",
  "trace",
  "failed",
] as const;

export function RequestsPage({ query }: PageProps) {
  const id = query.get("id");
  return id === null ? <CallList query={query} /> : <CallPage id={id} />;
}

function filtersOf(query: URLSearchParams): CallFilters {
  const given = filterNames.flatMap((name) => {
    const value = query.get(name);
    return value === null || value === "" ? [] : [[name, value] as const];
  });
  return Object.fromEntries(given);
}

function CallList({ query }: PageProps) {
  const filters = filtersOf(query);
  const isLive = query.get("live") === "true";
  const [isPaused, setPaused] = useState(false);
  const kept = useKeptCalls(isLive ? null : filters);
  const tapped = useTap(isLive && !isPaused ? filters : null);
  return (
    <>
      <h1>Requests</h1>
      <Filters key={JSON.stringify(filters)} filters={filters} isLive={isLive} />
      <div class="modes" role="group" aria-label="Which calls">
        <a href={address("requests", filters)} aria-current={isLive ? undefined : "true"}>
          Recent
        </a>
        <a
          href={address("requests", { ...filters, live: "true" })}
          aria-current={isLive ? "true" : undefined}
        >
          Live
        </a>
        {isLive ? (
          <button type="button" class="plain" onClick={() => setPaused(!isPaused)}>
            {isPaused ? "Listen again" : "Pause"}
          </button>
        ) : null}
        <span class="dim">
          {isLive ? (
            <>
              calls as they end, 20 a second at most
              {tapped.dropped > 0 ? `; ${count(tapped.dropped, "more call")} not shown` : ""}
            </>
          ) : (
            "the last that failed, the slowest of ten minutes, and a sample of all"
          )}
        </span>
      </div>
      {isLive ? (
        <Calls calls={tapped.calls} problem={tapped.problem} none="No such call has ended yet." />
      ) : (
        <Calls
          calls={kept.name === "ok" ? kept.value : []}
          problem={kept.name === "failed" ? kept.why : null}
          none={kept.name === "ok" ? "No such call is kept." : ""}
        />
      )}
    </>
  );
}

interface CallsProps {
  readonly calls: readonly Call[];
  readonly problem: string | null;
  readonly none: string;
}

function Calls({ calls, problem, none }: CallsProps) {
  if (problem !== null) {
    return (
      <p class="bad" role="alert">
        {problem}
      </p>
    );
  }
  if (calls.length === 0) return <p class="dim">{none}</p>;
  return (
    <>
      <CallTable label="Requests" calls={calls} />
      <p class="dim">{figure(calls.length)} shown.</p>
    </>
  );
}

interface FiltersProps {
  readonly filters: CallFilters;
  readonly isLive: boolean;
}

const fields = [
  ["name", "Name", "/svc/users"],
  ["endpoint", "Endpoint", "127.0.0.1:8080"],
  ["method", "Method", "GET"],
  ["status", "Status", "5xx"],
  ["minMs", "At least ms", "100"],
  ["trace", "Trace id", ""],
] as const;

function Filters({ filters, isLive }: FiltersProps) {
  const { routers } = useLive();
  const apply = (event: Event) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const given = Object.fromEntries(
      Array.from(form, ([name, value]) => [name, String(value).trim()]),
    );
    go(address("requests", { ...given, live: isLive ? "true" : null }));
  };
  return (
    <form class="ask filters" onSubmit={apply}>
      <label>
        Router
        <select name="router">
          <option value="">all</option>
          {routers.map(({ label }) => (
            <option value={label} selected={filters["router"] === label}>
              {label}
            </option>
          ))}
        </select>
      </label>
      {fields.map(([name, text, example]) => (
        <label>
          {text}
          <input
            name={name}
            defaultValue={filters[name] ?? ""}
            placeholder={example}
            spellcheck={false}
            size={name === "name" || name === "endpoint" || name === "trace" ? 18 : 7}
          />
        </label>
      ))}
      {filters["client"] === undefined ? null : (
        <input type="hidden" name="client" value={filters["client"]} />
      )}
      <label class="row">
        <input
          type="checkbox"
          name="failed"
          value="true"
          defaultChecked={filters["failed"] === "true"}
        />
        failed only
      </label>
      <button type="submit">Filter</button>
    </form>
  );
}
