// Runs cases until the time is over or something was harmed, and then finds the case that did it.
import { Bed, type Harm } from "./bed.ts";
import { caseOf, type Case } from "./case.ts";
import { caseText, reproduce } from "./shrink.ts";
import { targets, type Target } from "./targets.ts";
import type { Reading } from "./probe.ts";

export interface CampaignOptions {
  readonly seed: number;
  readonly forMs: number;
  /** The first case; cases before it are skipped. */
  readonly from: number;
  readonly maxCases: number;
  /** Only routers whose label is this or begins with it and a dash; "": all. */
  readonly protocol: string;
  report(line: string): void;
}

export interface Outcome {
  readonly cases: number;
  readonly canaryCalls: number;
  /** Empty: nothing was found. One text for each, with its reproduction. */
  readonly findings: readonly string[];
}

const atOnce = 48;
/** Cases that may have caused what is seen now. */
const remembered = 300;
/** Part of the time before memory is first measured, so that caches are as full as they get. */
const warmUp = 0.25;
/** More files than well-behaved callers need are a leak; the pools may have grown by a few. */
const spareFiles = 12;
/** What may be held beyond a fifth more: bounded caches of twelve routers (names, dtabs, destinations, compiled code) fill slowly. */
const spareBytes = 24 * 1024 * 1024;

export async function fuzz(options: CampaignOptions): Promise<Outcome> {
  const chosen = chosenTargets(options.protocol);
  const recent: Case[] = [];
  const running = new Set<Case>();
  let harm: Harm | null = null;
  const bed = await Bed.open(chosen, (seen) => (harm ??= seen));
  let index = options.from;
  const lastIndex = options.from + options.maxCases;
  const runUntil = async (untilMs: number) => {
    const worker = async () => {
      while (harm === null && performance.now() < untilMs && index < lastIndex) {
        const each = caseOf(options.seed, index++, chosen);
        running.add(each);
        await bed.run(each);
        running.delete(each);
        recent.push(each);
        if (recent.length > remembered) recent.shift();
      }
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
  };
  await runUntil(performance.now() + warmUp * options.forMs);
  const before = harm === null ? await bed.rest(bed.firstFiles + spareFiles) : null;
  await runUntil(performance.now() + (1 - warmUp) * options.forMs);
  if (harm === null) {
    await bed.canaries.round();
    const after = await bed.rest(bed.firstFiles + spareFiles);
    if (before !== null && after !== null)
      harm ??= overgrown(before, after, bed.firstFiles, options);
  }
  const canaryCalls = bed.canaries.calls;
  const { logLines } = bed.proxy;
  const { longestMs } = bed;
  await bed.close();
  const cases = index - options.from;
  options.report(
    `${cases} inputs, ${canaryCalls} calls beside them, ${logLines} lines of log; longest callback ${longestMs.toFixed(1)} ms`,
  );
  if (harm === null) return { cases, canaryCalls, findings: [] };
  const finding = await explained(harm, [...recent, ...running], chosen, options);
  return { cases, canaryCalls, findings: [finding] };
}

function chosenTargets(protocol: string): readonly Target[] {
  const isChosen = ({ name }: Target) =>
    protocol === "" || name === protocol || name.startsWith(`${protocol}-`);
  const chosen = targets.filter(isChosen);
  if (chosen.length > 0) return chosen;
  throw new Error(`no protocol ${protocol}: ${targets.map(({ name }) => name).join(", ")}`);
}

function overgrown(
  before: Reading,
  after: Reading,
  firstFiles: number,
  { report }: CampaignOptions,
): Harm | null {
  const mb = (bytes: number) => (bytes / 1024 / 1024).toFixed(1);
  const held = `${mb(before.heldBytes)} MiB held before, ${mb(after.heldBytes)} MiB after`;
  const resident = `resident ${mb(before.residentBytes)} and ${mb(after.residentBytes)} MiB`;
  const files = `${firstFiles} and ${after.files} open files`;
  report(`${held}; ${resident}; ${files}`);
  if (after.heldBytes > 1.2 * before.heldBytes + spareBytes) return { kind: "memory", what: held };
  if (after.files > firstFiles + spareFiles) return { kind: "leak", what: files };
  return null;
}

async function explained(
  harm: Harm,
  suspects: readonly Case[],
  chosen: readonly Target[],
  { seed, report }: CampaignOptions,
): Promise<string> {
  report(`seed ${seed}: ${harm.what}`);
  const first = Math.min(...suspects.map(({ index }) => index));
  const last = Math.max(...suspects.map(({ index }) => index));
  const again = `--seed ${seed} --from ${first} --count ${last - first + 1}`;
  const text = `${harm.kind}: ${harm.what}\nseed ${seed}, cases ${first} to ${last} (${again})`;
  if (harm.kind === "memory" || harm.kind === "leak") return text;
  report(`looking for the one of ${suspects.length} cases that did it`);
  const found = await reproduce(harm, suspects.toReversed(), chosen, report);
  if (found === null) return `${text}\nno case did it again alone`;
  return `${text}\n${caseText(found.minimal)}\nseen: ${found.harm.what}`;
}
