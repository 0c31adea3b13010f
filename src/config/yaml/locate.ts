// Finds the place of a problem in the file, and describes what is written there.
import type { Node, Place, Problem, Source, Step } from "./yaml.ts";

/** Keys whose values are never shown, neither in messages nor by `/config.json`. */
const secretKey = /token|password|passphrase|secret|credential|authorization|apikey/i;
const maxShownLength = 60;

/** A problem of the content. `at: "key"` means the key itself, not its value. */
export interface Finding {
  readonly steps: readonly Step[];
  readonly at: "key" | "value";
  /** `, got …` is appended when it begins with `expected` and does not contain that already. */
  readonly message: string;
  /** Of a warning: nothing can run with the file. */
  readonly preventsRun?: boolean;
}

/** Such as `routers[0].servers[1].port`. Keys that are not plain words are bracketed and quoted. */
export function showSteps(steps: readonly Step[]): string {
  let shown = "";
  for (const step of steps) {
    if (typeof step === "number") shown += `[${step}]`;
    else if (!/^[\w<-]+$/.test(step)) shown += `[${JSON.stringify(step)}]`;
    else shown += shown === "" ? step : `.${step}`;
  }
  return shown;
}

/** Equal steps give equal strings, for use in sets. */
export function stepsKey(steps: readonly Step[]): string {
  return JSON.stringify(steps);
}

export function isSecret(steps: readonly Step[]): boolean {
  return steps.some(
    (step, i) => typeof step === "string" && (secretKey.test(step) || steps[i - 1] === "headers"),
  );
}

/** Adds the place of the finding, and what is written there instead of what was expected. */
export function locateFinding(source: Source, finding: Finding): Problem {
  const { steps } = finding;
  const found = find(source, steps);
  const inner = within(finding.message);
  if (inner === null || found.node === null || !found.isExact) {
    const at = source.place(finding.at === "key" ? found.keyOffset : offsetOf(found));
    const message = finding.message + gotPhrase(source, finding, found);
    return { ...at, steps, message, preventsRun: finding.preventsRun === true };
  }
  const message = inner.message.replace(/^expected (an? \w+): /, "not $1: ");
  return { ...placeWithin(source, found.node, inner), steps, message };
}

function gotPhrase(source: Source, { steps, at, message }: Finding, found: Found): string {
  const isComplete = !message.startsWith("expected ") || / found at |, got |; /.test(message);
  if (at === "key" || isComplete) return "";
  const node = found.isExact ? found.node : null;
  if (node !== null && isSecret(steps)) return ", got a value that is not shown";
  return `, got ${got(source, node)}${hint(message, node)}`;
}

/** The usual mistake behind a value of the wrong type. */
function hint(message: string, node: Node | null): string {
  if (!message.startsWith("expected a list") || node === null) return "";
  if (node.kind === "map") return ': begin its first key with "- "';
  return node.kind === "scalar" && typeof node.value === "string" ? ": write it in brackets" : "";
}

/** The value as written, on one line, cut to `maxShownLength`. */
function got(source: Source, node: Node | null): string {
  if (node === null || (node.kind === "scalar" && node.value === null)) return "nothing";
  if (node.kind === "map") return "a map";
  if (node.kind === "list") return node.items.length === 0 ? "an empty list" : "a list";
  const { value } = node;
  if (typeof value !== "string") return source.text.slice(node.offset, node.end).trim();
  const isLong = value.length > maxShownLength;
  return JSON.stringify(isLong ? `${value.slice(0, maxShownLength)}…` : value);
}

interface Found {
  /** The deepest node that exists on the way; null only in an empty file. */
  readonly node: Node | null;
  readonly keyOffset: number;
  /** Whether all steps led to a node. */
  readonly isExact: boolean;
}

/** Follows the steps as far as the file goes. */
function find(source: Source, steps: readonly Step[]): Found {
  let node = source.root;
  let keyOffset = node?.offset ?? 0;
  for (const step of steps) {
    const entry = node?.kind === "map" ? node.entries.get(String(step)) : undefined;
    const item = node?.kind === "list" && typeof step === "number" ? node.items[step] : undefined;
    if (entry !== undefined) ({ value: node, keyOffset } = entry);
    else if (item !== undefined) [node, keyOffset] = [item, item.offset];
    else return { node, keyOffset: node?.offset ?? 0, isExact: false };
  }
  return { node, keyOffset, isExact: true };
}

/** An empty value has no place of its own, so the place of its key is used. */
function offsetOf({ node, keyOffset }: Found): number {
  if (node === null || (node.kind === "scalar" && node.value === null)) return keyOffset;
  return node.offset;
}

/** The line of the key or item at `steps`. */
export function lineOf(source: Source, steps: readonly Step[]): number {
  return source.place(find(source, steps).keyOffset).line;
}

interface Within extends Place {
  readonly message: string;
}

/** Parsers of paths and dtabs append the place within the value to their messages. */
function within(message: string): Within | null {
  const match = /^(.*) \(line (\d+), column (\d+)\)$/s.exec(message);
  if (match === null) return null;
  return { message: match[1] ?? "", line: Number(match[2]), column: Number(match[3]) };
}

/** Maps a place within a value to a place in the file, as precisely as the value's style allows. */
function placeWithin(source: Source, node: Node, { line, column }: Within): Place {
  const start = source.place(node.offset);
  if (node.kind !== "scalar") return start;
  const written = source.text.slice(node.offset, node.end);
  switch (node.style) {
    case "literal": {
      const [header = "", ...content] = written.split("\n");
      if (/\d/.test(header)) return start; // explicit indentation is too rare to map
      const first = content.find((text) => text.trim() !== "") ?? "";
      const indent = first.length - first.trimStart().length;
      const isLast = line > content.length; // the end of input, after the last line
      return isLast ? start : { line: start.line + line, column: indent + column };
    }
    case "plain":
    case "quoted": {
      if (written.includes("\n") || written.includes("\\")) return start;
      const quote = node.style === "quoted" ? 1 : 0;
      return { line: start.line, column: start.column + quote + column - 1 };
    }
    case "folded":
      return start;
    default:
      return node.style satisfies never;
  }
}
