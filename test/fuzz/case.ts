// One input: the bytes that one hostile connection says, or that one hostile endpoint says upon a call.
import type { Socket } from "node:net";
import type { Random } from "../../src/core/clock.ts";
import { seeded } from "../support/random.ts";
import { mutate, mutateBytes, pick, render, upTo, type Node } from "./draft.ts";
import type { Target } from "./targets.ts";

export interface Case {
  readonly index: number;
  readonly target: Target;
  readonly side: "caller" | "endpoint";
  readonly messages: readonly Buffer[];
  /** Where the bytes of all messages are cut into packets. */
  readonly cuts: readonly number[];
  /** What follows the last byte: nothing, a FIN, an RST, or a connection that stays open for long. */
  readonly ending: "wait" | "end" | "reset" | "linger";
}

const sequenceStep = 0x9e37_79b1;

/** The same for the same seed, index and target. */
export function caseOf(seed: number, index: number, all: readonly Target[]): Case {
  const random = seeded((seed ^ Math.imul(index + 1, sequenceStep)) >>> 0);
  const target = all[index % all.length] as Target;
  const side = target.reads === null || random() < 0.6 ? "caller" : "endpoint";
  const seqid = seqidOf(index);
  const one = (): Buffer => {
    const whole = side === "caller" ? target.request(random) : target.response(random, seqid);
    return mutated(random, whole);
  };
  const messages = Array.from({ length: side === "caller" ? 1 + upTo(random, 3) : 1 }, one);
  const length = messages.reduce((sum, each) => sum + each.length, 0);
  const ending = pick(random, ["wait", "wait", "end", "reset", "linger"] as const);
  return { index, target, side, messages, cuts: cutsOf(random, length), ending };
}

/** Of the call that brings an endpoint its case. */
export const seqidOf = (index: number): number => index % 100;

function mutated(random: Random, whole: Node): Buffer {
  let node = whole;
  for (let more = pick(random, [0, 1, 1, 1, 2, 4]); more > 0; more--) node = mutate(random, node);
  let rendered = render(node);
  if (random() < 0.25) rendered = mutateBytes(random, rendered);
  return rendered;
}

/** Mostly few; sometimes after every one of the first bytes. */
function cutsOf(random: Random, length: number): number[] {
  if (random() < 0.05) return Array.from({ length: Math.min(60, length) }, (_, at) => at + 1);
  const cuts = Array.from({ length: upTo(random, 3) }, () => upTo(random, length));
  return cuts.sort((a, b) => a - b);
}

/** Writes a case packet by packet, one in a turn, and then ends as it says. */
export function send(
  socket: Socket,
  { messages, cuts, ending }: Case,
  made: (message: Buffer) => Buffer = (message) => message,
): void {
  const all = Buffer.concat(messages.map(made));
  const edges = [0, ...cuts, all.length];
  let packet = 0;
  const next = () => {
    if (socket.destroyed || !socket.writable) return;
    if (packet < edges.length - 1) {
      socket.write(all.subarray(edges[packet], edges[packet + 1]));
      packet++;
      setImmediate(next);
    } else if (ending === "end") socket.end();
    else if (ending === "reset") socket.resetAndDestroy();
  };
  next();
}
