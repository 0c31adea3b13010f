// What is wrong now, worst first: sentences with numbers, the place in the file, and what to do.
import type { Problem } from "../../src/admin/dashboard/shapes.ts";
import { useLive } from "../data/live.ts";
import { address } from "../data/route.ts";
import { lasting } from "../data/words.ts";
import { PlaceLink } from "./links.tsx";

export function ProblemList() {
  const { problems: found, at } = useLive();
  if (found === null || at === null) return null;
  const { problems, more, looked } = found;
  if (problems.length === 0) {
    return (
      <p class="all-well" role="status">
        Nothing is wrong. Looked at {looked.join(", ")}.
      </p>
    );
  }
  return (
    <section class="problems">
      <p class="sr" role="status">
        {problems.length + more} problems
      </p>
      <h2>{problems.length === 1 ? "1 problem" : `${problems.length} problems, worst first`}</h2>
      <ul>
        {problems.map((problem) => (
          <ProblemItem key={problem.id} problem={problem} at={at} />
        ))}
      </ul>
      {more > 0 ? (
        <p class="dim">
          and {more} more: see <a href="problems.json">all of them</a>
        </p>
      ) : null}
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
        <Advice text={advice} />
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

/** A command, which ends a sentence, can be copied. */
function Advice({ text }: { readonly text: string }) {
  const at = text.search(/switchyard \w+ /);
  if (at < 0) return <>{text}</>;
  return (
    <>
      {text.slice(0, at)}
      <code>{text.slice(at)}</code>
    </>
  );
}

function Subject({ subject }: { readonly subject: Problem["subject"] }) {
  const { router, name, client, endpoint, namer } = subject;
  if (router === undefined && namer === undefined) return null;
  const filters = { router, name, client, endpoint, failed: "true" };
  return (
    <span class="links">
      {namer === undefined ? null : (
        <a href={`namer_state${namer.replace(/^\/#/, "")}.json`}>what discovery said</a>
      )}
      {client === undefined ? null : (
        <a href={address("client", { router, name: client })}>endpoints</a>
      )}
      {name === undefined ? null : <a href={address("service", { router, name })}>service</a>}
      {name === undefined ? null : (
        <a href={address("delegator", { router, path: name })}>how the name resolves</a>
      )}
      {router === undefined ? null : <a href={address("requests", filters)}>failed calls</a>}
    </span>
  );
}
