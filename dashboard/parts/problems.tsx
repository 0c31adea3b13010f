// What is wrong now, worst first: sentences with numbers, the place in the file, and what to do.
import { useJson } from "../data/json.ts";
import { address } from "../data/route.ts";
import { lasting } from "../data/words.ts";
import { PlaceLink } from "./links.tsx";

export interface Problem {
  readonly id: string;
  readonly severity: "critical" | "warning" | "notice";
  readonly text: string;
  readonly since: string;
  readonly where: { readonly file: string; readonly line: number } | null;
  readonly advice: string;
  readonly subject: {
    readonly router?: string;
    readonly name?: string;
    readonly client?: string;
    readonly endpoint?: string;
    readonly namer?: string;
  };
}

interface Problems {
  readonly at: string;
  readonly problems: readonly Problem[];
  readonly looked: readonly string[];
}

const periodMs = 1_000;

export function ProblemList() {
  const loaded = useJson<Problems>("problems.json", periodMs);
  if (loaded.name !== "ok") {
    if (loaded.name === "loading" || loaded.status !== 404) return null;
    return <p class="dim">This process does not look for problems by itself.</p>;
  }
  const { problems, looked, at } = loaded.value;
  if (problems.length === 0) {
    return (
      <p class="all-well" role="status">
        Nothing is wrong. Looked at {looked.join(", ")}.
      </p>
    );
  }
  return (
    <section class="problems" aria-live="polite">
      <h2>{problems.length === 1 ? "1 problem" : `${problems.length} problems, worst first`}</h2>
      <ul>
        {problems.map((problem) => (
          <ProblemItem key={problem.id} problem={problem} at={at} />
        ))}
      </ul>
    </section>
  );
}

function ProblemItem({ problem, at }: { readonly problem: Problem; readonly at: string }) {
  const { severity, text, since, where, advice } = problem;
  return (
    <li class={severity}>
      <span class="sr">{severity}: </span>
      <b>{text}</b>
      <time dateTime={since}>for {lasting(Date.parse(at) - Date.parse(since))}</time>
      <p>
        {advice}
        {where === null ? null : (
          <>
            {" "}
            <PlaceLink {...where} />
          </>
        )}
        <Subject subject={problem.subject} />
      </p>
    </li>
  );
}

function Subject({ subject }: { readonly subject: Problem["subject"] }) {
  const { router, name, client, endpoint } = subject;
  if (router === undefined) return null;
  const filters = { router, name, endpoint, failed: "true" };
  return (
    <span class="links">
      {client === undefined ? null : (
        <a href={address("client", { router, name: client })}>endpoints</a>
      )}
      {name === undefined ? null : <a href={address("service", { router, name })}>service</a>}
      {name === undefined ? null : (
        <a href={address("delegator", { router, path: name })}>how the name resolves</a>
      )}
      <a href={address("requests", filters)}>failed calls</a>
    </span>
  );
}
