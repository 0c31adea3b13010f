// Maps a metric's scopes to the Prometheus name and labels that Linkerd 1 used.

export type Labels = readonly (readonly [label: string, value: string])[];

export interface PrometheusName {
  readonly name: string;
  readonly labels: Labels;
  /** The metric's scopes, with labels as placeholders: `rt/<rt>/server/<server>/...`. */
  readonly help: string;
}

/**
 * Scopes are joined with `:`. The scope after `rt`, after `service`, `client` or `server`, and after
 * `service` below a client becomes a label; so does the exception in `failures/<x>` and `exn/<x>`,
 * whose nested scopes are joined with `:`. `exn` becomes `exceptions`.
 */
export function labelled(prefix: string, path: readonly string[]): PrometheusName {
  const kept: string[] = [];
  const labels: [string, string][] = [];
  const help: string[] = [];
  for (let index = 0; index < path.length; index += 1) {
    const part = path[index]!;
    const last = path.length - 1;
    if (isException(part) && labels.length > 0 && index < last) {
      kept.push(part === "exn" ? "exceptions" : part);
      labels.push(["exception", path.slice(index + 1).join(":")]);
      help.push(part, "<exception>");
      break;
    }
    kept.push(part);
    help.push(part);
    if (index < last && takesLabel(path, index, labels)) {
      labels.push([part, path[index + 1]!.replace(/^\//, "")]);
      help.push(`<${part}>`);
      index += 1;
    }
  }
  const name = `${prefix}${kept.join(":")}`.replace(/[^a-zA-Z0-9:]/g, "_");
  return { name: /^[0-9]/.test(name) ? `_${name}` : name, labels, help: help.join("/") };
}

function isException(part: string): boolean {
  return part === "failures" || part === "exn";
}

/** Whether the scope after that of `index` is a label; `labels` are those found so far. */
export function takesLabel(path: readonly string[], index: number, labels: Labels): boolean {
  const part = path[index];
  if (index === 0) return part === "rt";
  if (path[0] !== "rt") return false;
  if (index === 2) return part === "service" || part === "client" || part === "server";
  return index === 4 && part === "service" && labels[1]?.[0] === "client";
}
