// Samples the process all the time, to say afterwards where a stall was spent.
import { Session, type Profiler as Protocol } from "node:inspector";

const shownStacks = 5;
const shownCallers = 12;

/** Owns a session of the inspector, which lives as long as the process. */
export class Profiler {
  readonly #session = new Session();

  constructor() {
    this.#session.connect();
    this.#session.post("Profiler.enable");
    this.#session.post("Profiler.setSamplingInterval", { interval: 1_000 });
    this.#session.post("Profiler.start");
  }

  /** The most frequent stacks of the last milliseconds. */
  stacksOf(lastMs: number): string[] {
    let profile: Protocol.Profile | null = null;
    this.#session.post("Profiler.stop", (_, result) => (profile = result?.profile ?? null));
    this.#session.post("Profiler.start");
    return profile === null ? [] : frequent(profile, lastMs);
  }
}

function frequent(profile: Protocol.Profile, lastMs: number): string[] {
  const { nodes, samples = [], timeDeltas = [] } = profile;
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(
    nodes.flatMap(({ id, children }) => (children ?? []).map((c) => [c, id])),
  );
  const spentUs = new Map<number, number>();
  let leftUs = lastMs * 1_000;
  for (let at = samples.length - 1; at >= 0 && leftUs > 0; at--) {
    const [sample = 0, delta = 0] = [samples[at], timeDeltas[at]];
    leftUs -= delta;
    spentUs.set(sample, (spentUs.get(sample) ?? 0) + delta);
  }
  const stackOf = (id: number): string => {
    const calls: string[] = [];
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const { functionName, url, lineNumber } = byId.get(at)?.callFrame ?? noFrame;
      calls.push(`${functionName} ${url.split("/").slice(-2).join("/")}:${lineNumber + 1}`);
    }
    return calls.slice(0, shownCallers).join(" < ");
  };
  return [...spentUs]
    .sort(([, a], [, b]) => b - a)
    .slice(0, shownStacks)
    .map(([id, us]) => `${Math.round(us / 1_000)} ms: ${stackOf(id)}`);
}

const noFrame = { functionName: "", url: "", lineNumber: 0 };
