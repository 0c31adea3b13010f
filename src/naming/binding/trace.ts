// A delegation as text for people: one line for each name that was looked up.
import { showAddress } from "../../core/address.ts";
import type { State } from "../../core/live.ts";
import type { AddressSet, Bound, Delegation } from "../../core/naming.ts";
import { childrenOf, leavesToAlternative } from "./delegation.ts";

interface TraceOptions {
  /** ANSI colours: green for what is used, red for what ends the search, dim for what is not reached. */
  readonly colour?: boolean;
  /** How many addresses are named; the others are counted. */
  readonly maxAddresses?: number;
  /** How many lines are shown: a dtab can make thousands of names of one. */
  readonly maxLines?: number;
}

/**
 * One line per alternative: the name, the dentry that led to it, the result. ASCII unless the
 * configuration is not. Call it while the delegation is watched: it shows current addresses.
 *
 *     /svc/users
 *       /#/io.l5d.fs/users  (/svc => /#/io.l5d.fs | /host)  no such name
 *       /host/users  (/svc => /#/io.l5d.fs | /host)
 *         /$/inet/127.1/8080  (/host/users => /$/inet/127.1/8080)  1 address: 127.0.0.1:8080
 */
export function traceText(delegation: Delegation, options: TraceOptions = {}): string {
  const writer: Writer = {
    lines: [],
    maxLines: options.maxLines ?? 100,
    made: 0,
    repeats: 0,
    omitted: 0,
    omittedFailure: null,
    isCut: false,
    maxAddresses: options.maxAddresses ?? 8,
    isColoured: options.colour === true,
  };
  write(writer, delegation, 0, "", true);
  endRun(writer);
  if (writer.isCut) writer.lines.push("... and more, which is left out");
  else if (writer.omitted > 0) writer.lines.push(`... and ${writer.omitted} more lines`);
  if (writer.omittedFailure !== null) writer.lines.push(`... ${writer.omittedFailure}`);
  return writer.lines.join("\n");
}

/**
 * The longest name, and the longest side of a dentry, that a line shows: every line has both sides of
 * its dentry, and what came with a call may be long.
 */
const maxTextLength = 300;

/** How many lines are made, including those that repeat the one before. */
const maxLinesMade = 10_000;

interface Writer {
  readonly lines: string[];
  readonly maxLines: number;
  made: number;
  /** How often the last line repeats: an entry that leads back to its own name makes it a hundred times. */
  repeats: number;
  /** How many lines beyond `maxLines` were counted, but not made. */
  omitted: number;
  /** The first failure among those: a loop of several names ends far below `maxLines`. */
  omittedFailure: string | null;
  /** Whether the delegation itself is not complete. */
  isCut: boolean;
  readonly maxAddresses: number;
  readonly isColoured: boolean;
}

function write(
  writer: Writer,
  delegation: Delegation,
  depth: number,
  label: string,
  isReached: boolean,
): void {
  if (writer.lines.length < writer.maxLines && writer.made < maxLinesMade) {
    writer.made++;
    push(writer, lineOf(writer, delegation, depth, label, isReached));
  } else {
    writer.omitted++;
    if (delegation.type === "exception")
      writer.omittedFailure ??= shortened(resultText(delegation, 0));
  }
  writeChildren(writer, delegation, depth + 1, isReached);
}

function push(writer: Writer, line: string): void {
  if (line === writer.lines.at(-1)) {
    writer.repeats++;
    return;
  }
  endRun(writer);
  writer.lines.push(line);
}

function endRun(writer: Writer): void {
  if (writer.repeats === 0) return;
  const indent = /^ */.exec(writer.lines.at(-1) ?? "")?.[0] ?? "";
  writer.lines.push(`${indent}... and ${writer.repeats} more of the same`);
  writer.repeats = 0;
}

function lineOf(
  writer: Writer,
  delegation: Delegation,
  depth: number,
  label: string,
  isReached: boolean,
): string {
  const { dentry } = delegation;
  const rule =
    dentry === undefined ? "" : `  (${shortened(dentry.prefix)} => ${shortened(dentry.dst)})`;
  const result = shortened(resultText(delegation, writer.maxAddresses));
  const ending = result === "" ? "" : `  ${result}${isReached ? "" : " (not used)"}`;
  const line = `${"  ".repeat(depth)}${label}${shortened(nameOf(delegation))}${rule}${ending}`;
  return writer.isColoured ? coloured(line, delegation, isReached) : line;
}

function shortened(text: string): string {
  return text.length <= maxTextLength ? text : `${text.slice(0, maxTextLength)}...`;
}

/** What was looked up; of a leaf that a transformer made, the id that it has now. */
function nameOf({ type, path, bound }: Delegation): string {
  const isOwn = type !== "leaf" || bound === undefined || path.startsWith(bound.id);
  return isOwn ? path : bound.id;
}

function writeChildren(
  writer: Writer,
  delegation: Delegation,
  depth: number,
  isReached: boolean,
): void {
  writer.isCut ||= delegation.isCut === true;
  if (delegation.union !== undefined) {
    const sum = delegation.union.reduce((all, { weight }) => all + weight, 0);
    for (const { weight, tree } of delegation.union) {
      const share = sum === 0 ? 1 / delegation.union.length : weight / sum;
      write(writer, tree, depth, `${percent(share)} `, isReached);
    }
    return;
  }
  let isOpen = isReached;
  for (const child of childrenOf(delegation)) {
    write(writer, child, depth, "", isOpen);
    // An alternative counts only after names that do not exist, or that take too long.
    if (isOpen && delegation.alt !== undefined && !leavesToAlternative(child)) isOpen = false;
  }
}

function percent(share: number): string {
  return `${Math.round(share * 1_000) / 10}%`;
}

function resultText(delegation: Delegation, maxAddresses: number): string {
  switch (delegation.type) {
    case "neg":
      return negText(delegation);
    case "fail":
      return "fails here: later alternatives are not tried";
    case "empty":
      return "exists, and has no addresses";
    case "exception":
      return `failed: ${delegation.message ?? "no reason given"}`;
    case "pending":
      return `pending: ${delegation.why ?? "discovery has not responded yet"}`;
    case "leaf":
      return delegation.bound === undefined ? "" : boundText(delegation.bound, maxAddresses);
    case "transformation":
      return `through ${delegation.name ?? "a transformer"}`;
    case "alt":
      return `${delegation.alt?.length ?? 0} alternatives`;
    case "union":
      return `split ${delegation.union?.length ?? 0} ways`;
    case "delegate":
      return "";
    default:
      return delegation.type satisfies never;
  }
}

function negText({ path, why }: Delegation): string {
  if (path === "~") return "'~' says there is no such name";
  return why === undefined ? "no such name" : `no such name: ${why}`;
}

function boundText(bound: Bound, maxAddresses: number): string {
  const rest = bound.residual === "/" ? "" : `, rest ${bound.residual}`;
  return `${addressesText(bound.addresses.state, maxAddresses)}${rest}`;
}

function addressesText(state: State<AddressSet>, maxAddresses: number): string {
  if (state.kind === "pending") return "addresses pending";
  if (state.kind === "failed") return `addresses failed: ${state.why.detail}`;
  if (state.value === "neg")
    return "bound, but without any address (alternatives are not tried in this case)";
  const count = state.value.length;
  if (count === 0) return "bound to no addresses";
  const named = state.value.slice(0, maxAddresses).map((address) => {
    const at = showAddress(address);
    return address.weight === 1 ? at : `${at} * ${address.weight}`;
  });
  const more = count > named.length ? `, and ${count - named.length} more` : "";
  return `${count} ${count === 1 ? "address" : "addresses"}: ${named.join(", ")}${more}`;
}

const green = "\u001b[32m";
const red = "\u001b[31m";
const yellow = "\u001b[33m";
const dim = "\u001b[2m";
const plain = "\u001b[0m";

function coloured(line: string, delegation: Delegation, isReached: boolean): string {
  const colour = isReached ? colourOf(delegation) : dim;
  return colour === "" ? line : `${colour}${line}${plain}`;
}

function colourOf({ type }: Delegation): string {
  switch (type) {
    case "leaf":
      return green;
    case "fail":
    case "empty":
    case "exception":
      return red;
    case "pending":
      return yellow;
    case "neg":
      return dim;
    default:
      return "";
  }
}
