// The configuration as the process read it, line by line, without secrets.
import { useEffect } from "preact/hooks";
import type { ConfigText } from "../../src/admin/dashboard/shapes.ts";
import { useJson } from "../data/json.ts";

interface PageProps {
  readonly query: URLSearchParams;
}

export function ConfigPage({ query }: PageProps) {
  const loaded = useJson<ConfigText>("config.json?lines", null);
  const line = Number(query.get("line") ?? "0");
  const isLoaded = loaded.name === "ok";
  useEffect(() => {
    if (isLoaded) document.getElementById(`L${line}`)?.scrollIntoView({ block: "center" });
  }, [isLoaded, line]);
  if (loaded.name === "loading") return null;
  if (loaded.name === "failed") return <p class="bad">{loaded.why}</p>;
  const { file, lines } = loaded.value;
  return (
    <>
      <h1>Configuration</h1>
      <p class="dim">
        {file === null ? "From standard input" : <span class="m">{file}</span>}, as it was when the
        process started; secrets are hidden. The same as <a href="config.json">data</a>.
      </p>
      <ol class="source">
        {lines.map((text, i) => (
          <li id={`L${i + 1}`} class={i + 1 === line ? "here" : undefined}>
            <a href={`config?line=${i + 1}`} aria-label={`line ${i + 1}`}>
              {i + 1}
            </a>
            <Line text={text} />
          </li>
        ))}
      </ol>
    </>
  );
}

/** A key, what belongs to it, a comment: told apart by their shade. */
function Line({ text }: { readonly text: string }) {
  const [, before = "", key, rest = ""] = /^([ -]*)([\w."/#$-]+:(?= |$))?(.*)$/.exec(text) ?? [];
  const at = commentIn(rest);
  return (
    <code>
      {before}
      {key === undefined ? null : <b>{key}</b>}
      {rest.slice(0, at)}
      <i>{rest.slice(at)}</i>
    </code>
  );
}

/** A `#` begins a comment behind a blank; paths such as `/#/io.l5d.fs` have one, too. */
function commentIn(text: string): number {
  const at = text.search(/(?:^|\s)#(?=\s|$)/);
  return at < 0 ? text.length : at;
}
