// Warns of dtab entries that lead to a namer which the file does not configure. Such a name is never
// bound, and every call to it fails.
import { parseDtab, showDentry } from "../../core/names/dtab.ts";
import type { Dentry, Prefix } from "../../core/names/dtab.ts";
import { mapTree } from "../../core/names/nametree.ts";
import { parsePath, segmentsOf } from "../../core/names/path.ts";
import type { Path } from "../../core/names/path.ts";
import type { Finding } from "../yaml/locate.ts";
import { fieldsOf, mapsOf } from "./untyped.ts";
import type { Data } from "./untyped.ts";

/** One warning per router. Dtabs that do not parse are skipped. */
export function unknownNamers(file: unknown): Finding[] {
  const namers = mapsOf(fieldsOf(file)["namers"]).flatMap(({ data }) => prefixOf(data));
  return mapsOf(fieldsOf(file)["routers"]).flatMap(({ data, index }) => {
    const key = data["dtab"] === undefined ? "baseDtab" : "dtab";
    const text = data[key];
    const parsed = typeof text === "string" ? parseDtab(text) : null;
    if (parsed?.ok !== true) return [];
    const dtab = parsed.value;
    const rewritten = dtab.map(({ prefix }) => prefix).filter((prefix) => mayMeet(prefix, ["#"]));
    const lost = dtab.flatMap((dentry) =>
      lostTargets(dentry, rewritten, namers).map((target) => ({ dentry, target })),
    );
    const [first, ...others] = lost;
    if (first === undefined) return [];
    const message = messageOf(first, others.length, namers);
    return [{ steps: ["routers", index, key], at: "value", message } as const];
  });
}

interface Lost {
  readonly dentry: Dentry;
  readonly target: Path;
}

/** The segments of a namer's prefix, without `/#`. */
function prefixOf(namer: Data): (readonly string[])[] {
  const { kind, prefix = `/${String(kind)}` } = namer;
  const parsed = typeof prefix === "string" ? parsePath(prefix) : null;
  return parsed?.ok === true ? [segmentsOf(parsed.value)] : [];
}

/** `rewritten` holds the prefixes of entries that may rewrite the name of a namer. */
function lostTargets(
  dentry: Dentry,
  rewritten: readonly Prefix[],
  namers: readonly (readonly string[])[],
): Path[] {
  const targets = new Set<Path>();
  mapTree(dentry.dst, (target) => void targets.add(target));
  return Array.from(targets).filter((target) => {
    const [first, ...segments] = segmentsOf(target);
    if (first !== "#") return false;
    const isKnown = namers.some((namer) => mayMeet(namer, segments));
    return !isKnown && !rewritten.some((prefix) => mayMeet(prefix, ["#", ...segments]));
  });
}

/** Whether a name that begins with `segments` may begin with `prefix`. */
function mayMeet(prefix: Prefix, segments: readonly string[]): boolean {
  const shared = Math.min(prefix.length, segments.length);
  return prefix.slice(0, shared).every((each, i) => each === null || each === segments[i]);
}

function messageOf(
  { dentry, target }: Lost,
  others: number,
  namers: readonly (readonly string[])[],
): string {
  const known = namers.map((segments) => `/#/${segments.join("/")}`).join(", ");
  const there =
    known === "" ? "no namers are configured" : `of the namers here, ${known}, none fits`;
  const also = others === 0 ? "" : ` (and ${others} more)`;
  return `${showDentry(dentry)} leads nowhere${also}: ${there}; add one for ${target} to namers, or change the entry`;
}
