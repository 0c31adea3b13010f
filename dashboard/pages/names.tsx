// The playground of names: what a dtab makes of a path, against discovery as it is now. Nothing is applied.
import { useEffect, useState } from "preact/hooks";
import type { RouterInfo } from "../../src/admin/dashboard/shapes.ts";
import { useLive } from "../data/live.ts";
import { address, go } from "../data/route.ts";
import { Resolution } from "../parts/resolution.tsx";

interface PageProps {
  readonly query: URLSearchParams;
}

export function NamesPage({ query }: PageProps) {
  const { routers, at } = useLive();
  if (at === null) return <p class="dim">Waiting for the first data …</p>;
  return (
    <>
      <h1>How does a name resolve?</h1>
      <p class="dim">
        A path passes the dtab from its last entry to its first, and discovery as it is at this
        moment. Another dtab changes nothing in the process. The address of this page can be shared.
      </p>
      <Playground key={query.get("router") ?? ""} query={query} routers={routers} />
    </>
  );
}

interface PlaygroundProps extends PageProps {
  readonly routers: readonly RouterInfo[];
}

function Playground({ query, routers }: PlaygroundProps) {
  const given = query.get("router") ?? query.get("namespace");
  const router =
    routers.find(({ label }) => label === given) ?? (given === null ? routers[0] : null);
  const own = linesOf(router?.dtab ?? "");
  const path = query.get("path") ?? pathOfHash();
  const dtab = query.get("dtab");
  const [typedPath, setPath] = useState(path ?? `${router?.dstPrefix ?? "/svc"}/`);
  const [typedDtab, setDtab] = useState(dtab === null ? own : linesOf(dtab));
  useEffect(() => {
    if (path !== null) setPath(path);
    setDtab(dtab === null ? own : linesOf(dtab));
  }, [path, dtab]);
  const isChanged = flat(typedDtab) !== flat(own);
  // What is no router may be a namespace of a name server, whose own dtab the process knows.
  const label = router?.label ?? given;
  const submit = (event: Event) => {
    event.preventDefault();
    const changed = isChanged ? flat(typedDtab) : null;
    go(address("delegator", { router: label, path: typedPath.trim(), dtab: changed }));
  };
  const pick = (event: Event) => {
    const { value } = event.target as HTMLSelectElement;
    go(address("delegator", { router: value, path: typedPath.trim() }));
  };
  return (
    <>
      <form class="ask" onSubmit={submit}>
        <RouterField routers={routers} label={label} pick={pick} />
        <label class="grow">
          Path
          <input
            value={typedPath}
            list="known"
            required
            spellcheck={false}
            onInput={(event) => setPath(event.currentTarget.value)}
          />
        </label>
        <KnownNames router={label} />
        <DtabField value={typedDtab} isChanged={isChanged} change={setDtab} submit={submit} />
        <button type="submit">Resolve</button>
        {isChanged ? (
          <button type="button" class="plain" onClick={() => setDtab(own)}>
            Back to the router&apos;s dtab
          </button>
        ) : null}
      </form>
      {path === null ? null : <Resolution router={label} path={path} dtab={dtab} />}
    </>
  );
}

interface RouterFieldProps {
  readonly routers: readonly RouterInfo[];
  readonly label: string | null;
  readonly pick: (event: Event) => void;
}

function RouterField({ routers, label, pick }: RouterFieldProps) {
  const labels = new Set(routers.map((each) => each.label));
  if (label !== null) labels.add(label);
  return (
    <label>
      Router
      <select value={label ?? ""} onChange={pick}>
        {Array.from(labels, (each) => (
          <option value={each}>{each}</option>
        ))}
      </select>
    </label>
  );
}

interface DtabFieldProps {
  readonly value: string;
  readonly isChanged: boolean;
  readonly change: (dtab: string) => void;
  readonly submit: (event: Event) => void;
}

/** Ctrl-Enter resolves. */
function DtabField({ value, isChanged, change, submit }: DtabFieldProps) {
  return (
    <label class="whole">
      <span>
        Dtab {isChanged ? <b class="warn">changed: a what-if, not what runs</b> : "of the router"}
      </span>
      <textarea
        rows={Math.min(14, Math.max(3, value.split("\n").length + 1))}
        value={value}
        spellcheck={false}
        onInput={(event) => change(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit(event);
        }}
      />
    </label>
  );
}

/** Names that were called lately, to choose from. */
function KnownNames({ router }: { readonly router: string | null }) {
  const { rows } = useLive();
  const names = Array.from(rows.values())
    .filter((row) => row.router === router && row.kind === "service" && row.name.startsWith("/"))
    .map(({ name }) => name);
  return (
    <datalist id="known">
      {names.map((name) => (
        <option value={name} />
      ))}
    </datalist>
  );
}

/** One entry a line. A `;` only ever separates entries. */
function linesOf(dtab: string): string {
  const entries = dtab.split(";").map((entry) => entry.trim());
  return entries
    .filter((entry) => entry !== "")
    .map((entry) => `${spaced(entry)} ;`)
    .join("\n");
}

function spaced(entry: string): string {
  return entry.replace(/\s*=>\s*/, " => ").replace(/(\d+)\.00\*/g, "$1 * ");
}

function flat(dtab: string): string {
  return linesOf(dtab).replaceAll("\n", " ").trim();
}

/** Linkerd's links: `delegator#/svc/users`. */
function pathOfHash(): string | null {
  const hash = decodeURIComponent(location.hash.slice(1));
  return hash.startsWith("/") ? hash : null;
}
