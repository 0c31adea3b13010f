// Names and dtabs that callers make up: odd, broken, endless, growing.
import type { Random } from "../../src/core/clock.ts";
import { pick, upTo } from "./draft.ts";

const segments = ["svc", "web", "evil", "a", "b", "$", "#", "inet", "127.0.0.1", "io.l5d.fs", "*"];
const odd = ["", "..", "%00", "\\x00", "\\xff", "\xe9", "~", "!", ";", "\u0130", "a".repeat(3_000)];
const known = [
  "/$/inet/127.1/1",
  "/$/nil",
  "/$/fail",
  "/$/empty",
  "/$/io.buoyant.rinet/80/x.invalid",
  "/$/io.buoyant.hostportPfx/web",
  "/#/io.l5d.fs/web",
  "/#/io.l5d.fs/nobody",
  "/svc",
  "/svc/web",
];

export function nameText(random: Random): string {
  if (random() < 0.4) return pick(random, known);
  const count = random() < 0.97 ? upTo(random, 5) : upTo(random, 400);
  const segment = () => pick(random, random() < 0.9 ? segments : odd);
  return `/${Array.from({ length: count }, segment).join("/")}`;
}

function treeText(random: Random, depth = 0): string {
  const chance = random();
  if (chance < 0.5 || depth > 6) return nameText(random);
  if (chance < 0.55) return pick(random, ["~", "!", "$"]);
  if (chance < 0.6) return `(${treeText(random, depth + 1)})`;
  const isUnion = chance > 0.85;
  const count = 1 + (random() < 0.95 ? upTo(random, 3) : upTo(random, 60));
  const weights = ["", "", "0 * ", "0.5 * ", "1e308 * ", "-1 * ", ".1 *"];
  const part = () => (isUnion ? pick(random, weights) : "") + treeText(random, depth + 2);
  return Array.from({ length: count }, part).join(isUnion ? " & " : " | ");
}

/** Dtabs that would take long if all that they lead to were built. */
const growing: readonly ((random: Random) => string)[] = [
  (random) => `/svc => ${Array.from({ length: 2 + upTo(random, 120) }, () => "/svc").join(" | ")}`,
  (random) => `/svc => ${Array.from({ length: 2 + upTo(random, 120) }, () => "/svc").join(" & ")}`,
  () => "/svc => /svc/b|/svc/c|/svc/d|/svc/e",
  () => "/svc => /svc/b & /svc/c & /svc/d",
  (random) => doubling(upTo(random, 40), "|"),
  (random) => doubling(upTo(random, 40), "&"),
  (random) => `${"(".repeat(upTo(random, 5_000))}/svc`,
  (random) => `/svc => ${"(".repeat(upTo(random, 2_000))}/a${")".repeat(upTo(random, 2_000))}`,
  (random) => "/svc => /svc/x ;".repeat(upTo(random, 300)),
  (random) => "/svc/*/*/* => /svc/a ;".repeat(upTo(random, 300)),
  (random) => `/svc => ${Array.from({ length: upTo(random, 300) }, (_, i) => `/x${i}`).join("|")}`,
  (random) => `/svc => /${"a/".repeat(upTo(random, 2_000))}b`,
  () => "/svc => /svc/svc ; /svc/svc => /svc/svc/svc",
];

/** `/a0 => /a1 | /a1 ; /a1 => /a2 | /a2 ...`: twice as many leaves with every entry. */
function doubling(length: number, operator: string): string {
  const entry = (_: unknown, i: number) => `/a${i} => /a${i + 1} ${operator} /a${i + 1}`;
  return `/svc => /a0 ; ${Array.from({ length }, entry).join(" ; ")}`;
}

export function dtabEntries(random: Random): readonly (readonly [string, string])[] {
  return dtabText(random)
    .split(";")
    .map((entry) => entry.split("=>", 2))
    .map(([prefix = "", tree = ""]) => [prefix.trim(), tree.trim()] as const);
}

/** One dtab, or what looks like one; latin1. */
export function dtabText(random: Random): string {
  if (random() < 0.3) return pick(random, growing)(random);
  const count = 1 + (random() < 0.95 ? upTo(random, 4) : upTo(random, 150));
  const prefix = () => (random() < 0.7 ? "/svc" : nameText(random));
  const entry = () => `${prefix()} => ${treeText(random)}`;
  const text = Array.from({ length: count }, entry).join(" ; ");
  if (random() < 0.9) return text;
  const at = upTo(random, text.length);
  return text.slice(0, at) + pick(random, ["", "=>", "|", "&", ";", "(", "\\x", "#"]);
}
