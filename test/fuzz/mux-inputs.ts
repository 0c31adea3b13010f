// Messages of mux, both ways, as trees that mutations can bend.
import type { Random } from "../../src/core/clock.ts";
import { bytes, counted, group, number, pick, sized, upTo, type Node } from "./draft.ts";
import { dtabEntries, nameText } from "./name-inputs.ts";

/** Stands for the tag of the call that a message answers, until the call is there. */
export const tagOfCall = 0x7a_7b7c;

const fragment = 0x80_0000;

/** Half of the tags are used again and again, so that calls meet. */
const tag = (random: Random): number =>
  random() < 0.9
    ? upTo(random, 6)
    : pick(random, [0x7f_ffff, fragment | 2, fragment | 3, 0xff_ffff]);

const contextKeys = [
  "com.twitter.finagle.Deadline",
  "com.twitter.finagle.tracing.TraceContext",
  "com.twitter.finagle.Retries",
  "MuxFailure",
  "x",
  "",
];

const frame = (type: number, tagged: number, ...body: readonly Node[]): Node =>
  sized(4, number(1, type), number(3, tagged), ...body);

const pair = (first: string, second: string): Node =>
  group(sized(2, bytes(first)), sized(2, bytes(second)));

const contexts = (random: Random): Node =>
  counted(
    2,
    Array.from({ length: upTo(random, 2) }, () =>
      pair(pick(random, contextKeys), "\x01".repeat(pick(random, [0, 8, 16, 32, 40, 300]))),
    ),
  );

const dtab = (random: Random): Node => {
  const entries = random() < 0.6 ? [] : dtabEntries(random);
  return counted(
    2,
    entries.map(([prefix, tree]) => pair(prefix, tree)),
  );
};

const destination = (random: Random): string => {
  const chance = random();
  if (chance < 0.7) return pick(random, ["/web", "/evil", "/nobody", "/", ""]);
  return chance < 0.98 ? nameText(random) : `/${"n".repeat(upTo(random, 40_000))}`;
};

/** `payload` of one call, such as a Thrift message. */
function tdispatch(random: Random, tagged: number, payload: Node): Node {
  const to = sized(2, bytes(destination(random)));
  return frame(2, tagged, contexts(random), to, dtab(random), payload);
}

const tinit = (random: Random): Node => {
  const size = pick(random, [0, 1, 7, 64, 65_536, 0x7fff_ffff, -1]);
  const pairs = [
    group(sized(4, bytes("mux-framer")), sized(4, number(4, size))),
    group(sized(4, bytes("tls")), sized(4, bytes(pick(random, ["off", "desired", "required"])))),
  ];
  const version = pick(random, [1, 1, 1, 2, 0]);
  return frame(68, 1, number(2, version), ...pairs.filter(() => random() < 0.6));
};

/** One message of a caller. */
export function muxRequest(random: Random, payload: Node): Node {
  const tagged = tag(random);
  const chance = random();
  if (chance < 0.5) return tdispatch(random, tagged, payload);
  if (chance < 0.6) return inFragments(random, tagged, payload);
  const discarded = () => frame(66, 0, number(3, tag(random)), bytes("why"));
  const treqKeys = counted(1, [group(number(1, 1), sized(1, bytes("\x01".repeat(24))))]);
  const others = [
    () => frame(1, tagged, treqKeys, payload),
    () => frame(65, tagged),
    discarded,
    discarded,
    () => tinit(random),
    () => frame(64, tagged),
    () => frame(67, 0, number(1, upTo(random, 2)), number(8, upTo(random, 100))),
    () => frame(127, tagged, bytes("tinit check")),
    () => frame(-64, tagged),
    () => frame(pick(random, [-2, -1, -65, -66, -128, 0, 3, 100]), tagged, bytes("x")),
    () => group(...Array.from({ length: 200 }, () => frame(65, tagged))),
    () => group(...Array.from({ length: 200 }, () => discarded())),
    () => number(4, 0),
    () => group(...Array.from({ length: 100 }, () => number(4, upTo(random, 3)))),
  ];
  return pick(random, others)();
}

function inFragments(random: Random, tagged: number, payload: Node): Node {
  const more = () => frame(2, fragment | tagged, bytes("p".repeat(upTo(random, 200))));
  const first = tdispatch(random, fragment | tagged, payload);
  const last = random() < 0.7 ? [frame(2, tagged, bytes("end"))] : [];
  return group(first, ...Array.from({ length: upTo(random, 4) }, more), ...last);
}

/** What an endpoint sends upon one call, whose tag stands in for it. */
export function muxResponse(random: Random, payload: Node): Node {
  const status = () => number(1, pick(random, [0, 0, 0, 1, 2, 3, 255]));
  const whole = () => frame(-2, tagOfCall, status(), contexts(random), payload);
  const part = (more: Node) => frame(-2, fragment | tagOfCall, more);
  const others = [
    whole,
    whole,
    whole,
    () => group(whole(), whole()),
    () => frame(-1, tagOfCall, status(), payload),
    () => frame(-128, tagOfCall, bytes("no")),
    () => frame(-66, tagOfCall),
    () => group(part(group(status(), contexts(random))), part(payload), frame(-2, tagOfCall)),
    () => part(group(status(), contexts(random), payload)),
    () => frame(64, upTo(random, 3)),
    () => frame(65, upTo(random, 3)),
    () => frame(66, 0, number(3, tagOfCall), bytes("why")),
    () => frame(67, 0, number(1, upTo(random, 1)), number(8, upTo(random, 1_000))),
    () => frame(-2, tag(random), status(), contexts(random), payload),
    () => frame(-64, tagOfCall),
    () => frame(-68, 1, number(2, 1)),
    () => number(4, 0),
  ];
  return pick(random, others)();
}
