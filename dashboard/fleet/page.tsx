// The fleet: problems first, then who calls whom and all instances; services, calls and traces beside it.
import type { FleetProblem, GroupedTopology, Overview } from "../../src/fleet/views/shapes.ts";
import type { PageProps } from "../app.tsx";
import { useJson } from "../data/json.ts";
import { address } from "../data/route.ts";
import { clockTime, count, lasting } from "../data/words.ts";
import { FleetCallsPage } from "./calls.tsx";
import { Instances } from "./instances.tsx";
import { FleetService, FleetServices } from "./services.tsx";
import { useFleet } from "./stream.ts";
import { Topology } from "./topology.tsx";
import { TracePage } from "./trace.tsx";

const views = [
  [null, "Instances"],
  ["services", "Services"],
  ["calls", "Calls"],
] as const;

export function FleetPage({ query }: PageProps) {
  const there = useJson<unknown>("fleet/problems.json", null);
  if (there.name === "failed" && there.status === 404) return <NoFleet />;
  const view = query.get("trace") === null ? query.get("view") : "calls";
  return (
    <>
      <nav class="views" aria-label="Fleet">
        {views.map(([name, text]) => (
          <a
            key={text}
            href={address("fleet", { view: name })}
            aria-current={name === view ? "page" : undefined}
          >
            {text}
          </a>
        ))}
      </nav>
      <View query={query} view={view} />
    </>
  );
}

function View({ query, view }: PageProps & { readonly view: string | null }) {
  const trace = query.get("trace");
  if (trace !== null) return <TracePage key={trace} id={trace} />;
  const [router, name] = [query.get("router"), query.get("name")];
  if (view === "services" && router !== null && name !== null) {
    return <FleetService router={router} name={name} />;
  }
  if (view === "services") return <FleetServices />;
  if (view === "calls") return <FleetCallsPage query={query} />;
  return <FleetOverview selected={query.get("pair")} />;
}

function NoFleet() {
  return (
    <>
      <h1>No fleet here</h1>
      <p>
        This process watches no other instances. Any can: write <code>fleet</code> with a list of
        admin servers into its file, or run <code>switchyard fleet FILE</code>.
      </p>
    </>
  );
}

function FleetOverview({ selected }: { readonly selected: string | null }) {
  const overview = useFleet<Overview>("overview");
  const topology = useFleet<GroupedTopology>("topology");
  if (overview.name === "loading") return <p class="dim">Waiting for the first data …</p>;
  if (overview.value === null) return <p class="bad">The fleet cannot be read.</p>;
  const { instances, problems, at } = overview.value;
  return (
    <div class={overview.name === "lost" ? "stale" : undefined}>
      <Head overview={overview.value} isLost={overview.name === "lost"} />
      <Problems problems={problems} at={at} />
      {topology.name === "loading" || topology.value === null ? null : (
        <Topology topology={topology.value} selected={selected} />
      )}
      <Instances instances={instances} at={at} />
    </div>
  );
}

interface HeadProps {
  readonly overview: Overview;
  readonly isLost: boolean;
}

function Head({ overview, isLost }: HeadProps) {
  const { title, instances, sources, at } = overview;
  const ready = instances.filter(({ state }) => state === "ready").length;
  const are = ready === instances.length ? "all ready" : `${ready} ready`;
  return (
    <>
      <h1>{title}</h1>
      <p class="dim">
        {count(instances.length, "instance")}, {are} · from{" "}
        {sources.map(({ text }) => text).join(", ")} · {isLost ? "as of" : "at"} {clockTime(at)}
      </p>
    </>
  );
}

interface ProblemsProps {
  readonly problems: readonly FleetProblem[];
  readonly at: string;
}

function Problems({ problems, at }: ProblemsProps) {
  if (problems.length === 0) {
    return (
      <p class="all-well" role="status">
        Nothing is wrong: all instances respond, and none reports a problem.
      </p>
    );
  }
  return (
    <section class="problems" aria-live="polite">
      <h2>{problems.length === 1 ? "1 problem" : `${problems.length} problems, worst first`}</h2>
      <ul>
        {problems.map(({ id, severity, text, since, where, advice }) => (
          <li key={id} class={severity}>
            <span class="sr">{severity}: </span>
            <b>{text}</b>
            {since === null ? null : (
              <time dateTime={since}>for {lasting(Date.parse(at) - Date.parse(since))}</time>
            )}
            <p>
              {advice}
              {where === null ? null : (
                <span class="m">
                  {" "}
                  {where.file}:{where.line}
                </span>
              )}
            </p>
          </li>
        ))}
      </ul>
    </section>
  );
}
