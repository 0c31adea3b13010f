// From many suspects to one, from one to the least of it that still does harm.
import { Bed, type Harm } from "./bed.ts";
import { stallMs } from "./probe.ts";
import type { Case } from "./case.ts";
import type { Target } from "./targets.ts";

export interface Reproduced {
  readonly minimal: Case;
  readonly harm: Harm;
}

const budgetMs = 60_000;

/** Null: no suspect does it alone. */
export async function reproduce(
  seen: Harm,
  suspects: readonly Case[],
  targets: readonly Target[],
  report: (line: string) => void,
): Promise<Reproduced | null> {
  const trial = new Trial(seen.kind, targets);
  try {
    for (const suspect of suspects) {
      const harm = await trial.harmOf(suspect);
      if (harm === null) continue;
      report(`case ${suspect.index} (${suspect.target.name}) does it alone; making it smaller`);
      return await shrink(trial, suspect, harm);
    }
    return null;
  } finally {
    await trial.close();
  }
}

/** Runs one case after the other, on a new proxy after each that did harm. */
class Trial {
  readonly #kind: Harm["kind"];
  readonly #targets: readonly Target[];
  #bed: Bed | null = null;
  #harm: Harm | null = null;

  constructor(kind: Harm["kind"], targets: readonly Target[]) {
    this.#kind = kind;
    this.#targets = targets;
  }

  async harmOf(each: Case): Promise<Harm | null> {
    this.#bed ??= await Bed.open(this.#targets, (harm) => {
      if (harm.kind === this.#kind) this.#harm = harm;
    });
    await this.#bed.run(each);
    if (this.#kind === "canary") await this.#bed.canaries.round();
    const reading = await this.#bed.proxy.read();
    const stalled = reading !== null && reading.longestMs > stallMs;
    if (this.#kind === "stall" && stalled)
      this.#harm ??= { kind: "stall", what: `${Math.round(reading.longestMs)} ms in one callback` };
    const harm = this.#harm;
    if (harm !== null) await this.close();
    return harm;
  }

  async close(): Promise<void> {
    await this.#bed?.close();
    this.#bed = null;
    this.#harm = null;
  }
}

async function shrink(trial: Trial, start: Case, firstHarm: Harm): Promise<Reproduced> {
  const endMs = performance.now() + budgetMs;
  let best: Reproduced = { minimal: start, harm: firstHarm };
  const isStill = async (smaller: Case): Promise<boolean> => {
    const harm = performance.now() < endMs ? await trial.harmOf(smaller) : null;
    if (harm !== null) best = { minimal: smaller, harm };
    return harm !== null;
  };
  await isStill({ ...best.minimal, cuts: [] });
  await isStill({ ...best.minimal, ending: "wait" });
  for (let at = best.minimal.messages.length - 1; at >= 0; at--) {
    const messages = best.minimal.messages.filter((_, i) => i !== at);
    if (messages.length > 0) await isStill({ ...best.minimal, messages, cuts: [] });
  }
  for (let at = 0; at < best.minimal.messages.length; at++) {
    let size = Math.ceil((best.minimal.messages[at]?.length ?? 0) / 2);
    for (; size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
      for (
        let start = 0;
        start < (best.minimal.messages[at]?.length ?? 0) && performance.now() < endMs;
      ) {
        let isShorter = false;
        for (const shorter of without(best.minimal.messages[at] as Buffer, start, size)) {
          const messages = best.minimal.messages.map((each, i) => (i === at ? shorter : each));
          isShorter ||= await isStill({ ...best.minimal, messages, cuts: [] });
        }
        if (!isShorter) start += size;
      }
    }
  }
  return best;
}

/** The message without some bytes: as it is, and with the length of its frame corrected. */
function without(message: Buffer, start: number, size: number): Buffer[] {
  const shorter = Buffer.concat([message.subarray(0, start), message.subarray(start + size)]);
  const isFrame = message.length >= 8 && message.readInt32BE(0) === message.length - 4;
  if (!isFrame || start < 4) return [shorter];
  const fitted = Buffer.from(shorter);
  fitted.writeInt32BE(shorter.length - 4, 0);
  return [fitted, shorter];
}

/** For people, and for a test: what was sent, in hex and in what can be read of it. */
export function caseText({ index, target, side, messages, cuts, ending }: Case): string {
  const lines = messages.flatMap((message) => [
    `  hex: ${message.toString("hex")}`,
    `  text: ${JSON.stringify(message.toString("latin1"))}`,
  ]);
  const who = side === "caller" ? "a caller sends" : "an endpoint responds with";
  return [
    `case ${index}, ${target.name}: ${who}, cut at [${cuts.join(" ")}], then ${ending}:`,
    ...lines,
  ].join("\n");
}
