// One call: how it ended and why, its time line, how its name was resolved, and its trace.
import type { ComponentChildren } from "preact";
import { useCall, type Call } from "../data/calls.ts";
import { address } from "../data/route.ts";
import { clockTime, figure } from "../data/words.ts";
import { howOf, whatOf } from "./call-table.tsx";
import { Facts, type Fact } from "./facts.tsx";
import { Waterfall } from "./waterfall.tsx";

export function CallPage({ id }: { readonly id: string }) {
  const loaded = useCall(id);
  if (loaded.name === "loading") return null;
  if (loaded.name === "failed") return <p class="bad">{loaded.why}</p>;
  return (
    <>
      <p class="crumbs">
        <a href="requests">Requests</a> / {id}
      </p>
      {loaded.value === null ? (
        <>
          <h1>{id}</h1>
          <p class="dim">
            This call is not kept any more: of each router the process keeps the last that failed,
            the slowest of ten minutes, and a sample.
          </p>
        </>
      ) : (
        <CallDetail call={loaded.value} />
      )}
    </>
  );
}

function CallDetail({ call }: { readonly call: Call }) {
  const { method, target, outcome, failure, attempts } = call;
  return (
    <>
      <h1 class="m">{whatOf(method, target)}</h1>
      <p class={outcome === "failure" ? "verdict bad" : "verdict"}>
        {howOf(call)}, {figure(call.durationMs)} ms
      </p>
      {failure === null ? null : <p class="why">{failure.detail}</p>}
      <Waterfall call={call} />
      {attempts.some((attempt) => attempt.failure !== null) ? (
        <AttemptFailures call={call} />
      ) : null}
      <div class="columns">
        <Facts title="Where it went" facts={factsOf(placesOf(call))} />
        <Facts title="What it was" facts={factsOf(circumstancesOf(call))} />
        <Facts title="Its trace" facts={factsOf(traceOf(call))} />
      </div>
    </>
  );
}

function AttemptFailures({ call }: { readonly call: Call }) {
  return (
    <section>
      <h3>What the attempts met</h3>
      <ul class="plain">
        {call.attempts.map(({ endpoint, failure }) =>
          failure === null ? null : (
            <li>
              <span class="m">{endpoint}</span>: {failure.detail}
            </li>
          ),
        )}
      </ul>
    </section>
  );
}

type Pairs = Readonly<Record<string, ComponentChildren>>;

function factsOf(pairs: Pairs): Fact[] {
  return Object.entries(pairs)
    .filter(([, value]) => value !== null && value !== "" && value !== false)
    .map(([name, value]) => ({ name, value }));
}

function placesOf({ router, server, name, dentry, bound, residual, endpoint }: Call): Pairs {
  const link = (page: string, query: Readonly<Record<string, string>>, text: string) => (
    <a class="m" href={address(page, query)}>
      {text}
    </a>
  );
  return {
    router,
    server: link("server", { router, name: server.replace(/:(\d+)$/, "/$1") }, server),
    name: name !== null && link("service", { router, name }, name),
    dtab: dentry !== null && link("delegator", { router, path: name ?? "" }, dentry),
    client: bound !== null && link("client", { router, name: bound }, bound),
    residual: residual !== null && residual !== "/" && <span class="m">{residual}</span>,
    endpoint: endpoint !== null && link("requests", { router, endpoint }, endpoint),
  };
}

function circumstancesOf(call: Call): Pairs {
  const { at, protocol, remote, retries, requeues, deadlineLeftMs, fault, headers, kept } = call;
  return {
    began: clockTime(at, true),
    protocol,
    caller: <span class="m">{remote}</span>,
    retries: retries > 0 && retries,
    requeues: requeues > 0 && requeues,
    "deadline left": deadlineLeftMs !== null && `${figure(deadlineLeftMs)} ms`,
    received: `${figure(call.receivedBytes)} bytes`,
    sent: `${figure(call.sentBytes)} bytes`,
    "injected fault": fault,
    "kept because": kept !== undefined && kept.join(", "),
    ...headers,
  };
}

function traceOf({ trace }: Call): Pairs {
  if (trace === null) return {};
  const { traceId, spanId, parentId, sampled } = trace;
  return {
    trace: (
      <a class="m" href={address("requests", { trace: traceId })}>
        {traceId}
      </a>
    ),
    span: <span class="m">{spanId}</span>,
    parent: parentId !== null && <span class="m">{parentId}</span>,
    sampled: sampled === null ? "undecided" : sampled ? "yes" : "no",
  };
}
