// One call through all hops, as a waterfall: calls, attempts, and the network between two sidecars.
import type { Trace, TraceRow } from "../../src/fleet/views/shapes.ts";
import { useJson } from "../data/json.ts";
import { address } from "../data/route.ts";
import { clockTime, count, rate } from "../data/words.ts";

export function TracePage({ id }: { readonly id: string }) {
  const loaded = useJson<Trace>(address("fleet/trace.json", { id }), null);
  return (
    <section>
      <h1>
        One call <span class="m">{id}</span>
      </h1>
      {loaded.name === "loading" ? <p class="dim">Asking all instances …</p> : null}
      {loaded.name === "failed" ? <p class="bad">{loaded.why}</p> : null}
      {loaded.name === "ok" ? <Waterfall trace={loaded.value} /> : null}
      <p>
        <a href={address("fleet", { view: "calls" })}>Recent calls of all instances</a>
      </p>
    </section>
  );
}

function Waterfall({ trace }: { readonly trace: Trace }) {
  const { rows, hops, durationMs, at, asked, missing } = trace;
  if (rows.length === 0) {
    return (
      <p>
        None of {count(asked, "instance")} kept a call of this trace: they keep what failed, what
        was slow and a sample of the rest, and only for a while.
      </p>
    );
  }
  const names = new Set(rows.map(({ instance }) => instance));
  return (
    <>
      <p class="dim">
        {count(hops, "router")} of {count(names.size, "instance")}, {rate(durationMs)} ms
        {at === null ? "" : `, at ${clockTime(at, true)}`}
      </p>
      <div class="waterfall" role="table" aria-label="Hops of the call">
        {rows.map((row, index) => (
          <Row key={index} row={row} totalMs={Math.max(durationMs, 0.001)} />
        ))}
      </div>
      {missing.length === 0 ? null : (
        <p class="warn">
          Not asked, so perhaps not whole:{" "}
          {missing.map(({ instance, why }) => `${instance} ${why}`).join("; ")}
        </p>
      )}
    </>
  );
}

function Row({ row, totalMs }: { readonly row: TraceRow; readonly totalMs: number }) {
  const { kind, depth, instanceName, router, text, startMs, durationMs, isFailure, note, status } =
    row;
  const share = (ms: number) => `${Math.max(0, Math.min(100, (ms / totalMs) * 100))}%`;
  const look = isFailure ? "bad" : kind;
  return (
    <div role="row" class={`hop ${kind}`}>
      <span role="rowheader" class="what" style={{ paddingLeft: `${depth * 14}px` }}>
        {kind === "call" ? (
          <>
            <b>{instanceName}</b> {router} <span class="dim">{text}</span>
          </>
        ) : kind === "attempt" ? (
          <span class="dim">
            to <span class="m">{text}</span>
          </span>
        ) : (
          <span class="dim">network</span>
        )}
      </span>
      <span role="cell" class="bar-place">
        <i class={look} style={{ left: share(startMs), width: share(durationMs) }} />
      </span>
      <span role="cell" class="ms">
        {rate(durationMs)}
      </span>
      <span role="cell" class={isFailure ? "note bad" : "note dim"}>
        {[status, note === "first" ? null : note].filter(Boolean).join(" ")}
      </span>
    </div>
  );
}
