// The text of a configuration file in a form that may be shown: every line as it was, without secrets.
import { isSecret } from "./yaml/locate.ts";
import { readYaml } from "./yaml/yaml.ts";
import type { Node, Step } from "./yaml/yaml.ts";

const hidden = "[redacted]";

/** Line 1 first. A value of several lines leaves empty ones, so that the lines keep their numbers. */
export function redactedLines(text: string): string[] {
  const read = readYaml(text);
  // What runs was read without an error: this cannot happen, and must not give anything away if it does.
  if (!read.ok || read.source.root === null) return [];
  let shown = text;
  // From the end, so that the offsets before it stay true.
  const spans = secretSpans(read.source.root, text, []).toSorted((a, b) => b.from - a.from);
  let lastFrom = Infinity;
  for (const { from, to } of spans) {
    if (to > lastFrom) continue; // within one that is hidden already: an alias
    lastFrom = from;
    const breaks = text.slice(from, to).replace(/[^\n]/g, "");
    shown = shown.slice(0, from) + hidden + breaks + shown.slice(to);
  }
  return shown.replace(/\n$/, "").split("\n").map(withoutSecretComment);
}

interface Span {
  readonly from: number;
  readonly to: number;
}

function secretSpans(node: Node, text: string, steps: readonly Step[]): Span[] {
  switch (node.kind) {
    case "scalar":
      return [];
    case "list":
      return node.items.flatMap((item, i) => secretSpans(item, text, [...steps, i]));
    case "map":
      return Array.from(node.entries).flatMap(([key, { value }]) => {
        const below = [...steps, key];
        if (!isSecret(below)) return secretSpans(value, text, below);
        const isNothing = value.kind === "scalar" && value.value === null;
        return isNothing ? [] : [spanOf(value, text)];
      });
    default:
      return node satisfies never;
  }
}

/** Without the line break behind a block. */
function spanOf({ offset, end }: Node, text: string): Span {
  const length = text.slice(offset, end).trimEnd().length;
  return { from: offset, to: offset + length };
}

/** Somebody's old password, put aside. */
function withoutSecretComment(line: string): string {
  const comment = /^(.*?#.*?[\w-]+ *[:=] *)(\S.*)$/.exec(line);
  const [, before = ""] = comment ?? [];
  const name = /([\w-]+) *[:=] *$/.exec(before)?.[1];
  return name !== undefined && isSecret([name]) ? before + hidden : line;
}
