// Warns of names that lead to a namer which does not exist: one below /# that the file does not configure,
// or one below /$ that is not built in. Such a name is never bound, and every call to it fails.
import { parseDtab, showDentry } from "../../core/names/dtab.ts";
import type { Dentry, Prefix } from "../../core/names/dtab.ts";
import { mapTree } from "../../core/names/nametree.ts";
import { parsePath, segmentsOf } from "../../core/names/path.ts";
import type { Path } from "../../core/names/path.ts";
import type { Kinds } from "../kinds.ts";
import type { Finding } from "../yaml/locate.ts";
import type { Step } from "../yaml/yaml.ts";
import { fieldsOf, mapsOf } from "./untyped.ts";
import type { Data } from "./untyped.ts";

/** What is known below `/#` (the prefixes of namers) and below `/$`. */
interface Known {
  readonly namers: readonly (readonly string[])[];
  readonly builtIns: readonly string[];
}

/** One warning per dtab, and per path of a transformer. What does not parse is skipped. */
export function unknownNamers(file: unknown, kinds: Kinds): Finding[] {
  const namers = mapsOf(fieldsOf(file)["namers"]);
  const known: Known = {
    namers: namers.flatMap(({ data }) => prefixOf(data)),
    builtIns: kinds.builtInNames,
  };
  const routers = mapsOf(fieldsOf(file)["routers"]);
  return [
    ...namers.flatMap(({ data, index }) => inTransformers(data, ["namers", index], known)),
    ...routers.flatMap(({ data, index }) => [
      ...inDtab(data, ["routers", index], known),
      ...inTransformers(fieldsOf(data["interpreter"]), ["routers", index, "interpreter"], known),
    ]),
  ];
}

function inDtab(router: Data, steps: readonly Step[], known: Known): Finding[] {
  const key = router["dtab"] === undefined ? "baseDtab" : "dtab";
  const text = router[key];
  const parsed = typeof text === "string" ? parseDtab(text) : null;
  if (parsed?.ok !== true) return [];
  const dtab = parsed.value;
  const rewritten = dtab.map(({ prefix }) => prefix).filter((prefix) => isOfNamers(prefix));
  const lost = dtab.flatMap((dentry) =>
    lostTargets(dentry, rewritten, known).map((target) => ({ dentry, target })),
  );
  const [first, ...others] = lost;
  if (first === undefined) return [];
  const also = others.length === 0 ? "" : ` (and ${others.length} more)`;
  const message = `${showDentry(first.dentry)} leads nowhere${also}: ${whyLost(first.target, known)}`;
  return [{ steps: [...steps, key], at: "value", message }];
}

/** `const` and `replace` bind a path with the namers alone: no dtab rewrites it. */
function inTransformers(section: Data, steps: readonly Step[], known: Known): Finding[] {
  return mapsOf(section["transformers"]).flatMap(({ data: { path: text }, index }): Finding[] => {
    const parsed = typeof text === "string" ? parsePath(text) : null;
    if (parsed?.ok !== true || !isLost(parsed.value, known)) return [];
    const message = `${parsed.value} leads nowhere: ${whyLost(parsed.value, known)}`;
    return [{ steps: [...steps, "transformers", index, "path"], at: "value", message }];
  });
}

/** The segments of a namer's prefix, without `/#`. */
function prefixOf(namer: Data): (readonly string[])[] {
  const { kind, prefix = `/${String(kind)}` } = namer;
  const parsed = typeof prefix === "string" ? parsePath(prefix) : null;
  return parsed?.ok === true ? [segmentsOf(parsed.value)] : [];
}

function isOfNamers(prefix: Prefix): boolean {
  return mayMeet(prefix, ["#"]) || mayMeet(prefix, ["$"]);
}

/** `rewritten` holds the prefixes of entries that may rewrite the name of a namer. */
function lostTargets(dentry: Dentry, rewritten: readonly Prefix[], known: Known): Path[] {
  const targets = new Set<Path>();
  mapTree(dentry.dst, (target) => void targets.add(target));
  return Array.from(targets).filter((target) => {
    const segments = segmentsOf(target);
    return isLost(target, known) && !rewritten.some((prefix) => mayMeet(prefix, segments));
  });
}

function isLost(target: Path, { namers, builtIns }: Known): boolean {
  const [first, ...segments] = segmentsOf(target);
  if (first === "#") return !namers.some((namer) => mayMeet(namer, segments));
  const [name] = segments;
  return first === "$" && name !== undefined && !builtIns.includes(name);
}

/** Whether a name that begins with `segments` may begin with `prefix`. */
export function mayMeet(prefix: Prefix, segments: readonly string[]): boolean {
  const shared = Math.min(prefix.length, segments.length);
  return prefix.slice(0, shared).every((each, i) => each === null || each === segments[i]);
}

function whyLost(target: Path, { namers, builtIns }: Known): string {
  const [first, name = ""] = segmentsOf(target);
  if (first === "$") {
    return `no namer /$/${name} is built in; known: ${builtIns.map((each) => `/$/${each}`).join(", ")}`;
  }
  const there =
    namers.length === 0
      ? "no namers are configured"
      : `of the namers here, ${namers.map((segments) => `/#/${segments.join("/")}`).join(", ")}, none fits`;
  return `${there}; add one for ${target} to namers, or change the entry`;
}
