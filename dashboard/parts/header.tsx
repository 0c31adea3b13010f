// Which process this is, where one can go, and whether what is shown is current.
import type { Live } from "../data/live.ts";
import { clockTime, fileName, lasting, mebibytes } from "../data/words.ts";

const links = [
  ["./", "Overview", ["", "server", "service", "client"]],
  ["delegator", "Names", ["delegator"]],
  ["requests", "Requests", ["requests"]],
  ["fleet", "Fleet", ["fleet"]],
  ["logging", "Logging", ["logging"]],
  ["config", "Config", ["config"]],
  ["help", "Help", ["help"]],
] as const;

export function Header({ page, live }: { readonly page: string; readonly live: Live }) {
  return (
    <header>
      <div class="bar">
        <a class="mark" href="./">
          <svg viewBox="0 0 24 14" width="24" height="14" aria-hidden="true">
            <path d="M1 9h7c5 0 5-7 10-7h5M8 9c5 0 5 4 10 4h5" />
          </svg>
          switchyard
        </a>
        <nav aria-label="Pages">
          {links
            .filter(([href]) => href !== "fleet" || live.instance?.hasFleet === true)
            .map(([href, text, own]) => (
              <a href={href} aria-current={own.some((each) => each === page) ? "page" : undefined}>
                {text}
              </a>
            ))}
        </nav>
        <State live={live} />
      </div>
      <Instance live={live} />
    </header>
  );
}

function State({ live: { connection, at, instance } }: { readonly live: Live }) {
  switch (connection.name) {
    case "connecting":
      return <span class="state dim">connecting …</span>;
    case "lost":
      return (
        <span class="state bad" role="status" title={connection.why}>
          not connected since {clockTime(connection.sinceMs)}
          {at === null ? "" : `; shown as of ${clockTime(at)}`}
        </span>
      );
    case "live": {
      const why = instance?.notReady ?? null;
      return (
        <span class={why === null ? "state dim" : "state bad"}>
          <i class={why === null ? "dot" : "dot bad"} aria-hidden="true" />
          {why ?? "taking calls"}
        </span>
      );
    }
    default:
      return connection satisfies never;
  }
}

function Instance({ live: { instance } }: { readonly live: Live }) {
  if (instance === null) return <p class="who">&nbsp;</p>;
  const { file, name, host, version, uptimeMs, residentBytes, pid } = instance;
  const own = file === null ? name : fileName(file).replace(/\.(ya?ml|json)$/, "");
  return (
    <p class="who">
      <b title={name}>{own}</b> on {host}
      <span>switchyard {version}</span>
      {file === null ? null : (
        <span>
          <a class="m" href="config" title={file}>
            {fileName(file)}
          </a>
        </span>
      )}
      <span>up {lasting(uptimeMs)}</span>
      <span class="wide">{mebibytes(residentBytes)}</span>
      <span class="wide">pid {pid}</span>
    </p>
  );
}
