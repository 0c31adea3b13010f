// Which names the dtab of a caller may lead to. A dtab is as powerful as the process that applies
// it: `/svc => /$/inet/10.0.0.1/80` turns the proxy into a door to any address that it can reach.
import { showDentry } from "./dtab.ts";
import type { Dentry, Dtab } from "./dtab.ts";
import type { NameTree } from "./nametree.ts";
import { root, startsWith } from "./path.ts";
import type { Path } from "./path.ts";

/**
 * `all`: any dtab. `names`: dtabs that lead to other logical names, which the router's own dtab
 * rewrites, but not to addresses and namers (`/$/`, `/#/`). `none`: no dtab.
 */
export type CallerDtabMode = "all" | "names" | "none";

/** `allow` are prefixes that `names` permits nevertheless, such as `/#/io.l5d.fs/staging`. */
export interface CallerDtabRule {
  readonly mode: CallerDtabMode;
  readonly allow: readonly Path[];
}

/** Why a rule forbids a dtab, as text for the caller; null: it does not. */
export function forbidden(dtab: Dtab, { mode, allow }: CallerDtabRule): string | null {
  if (mode === "all" || dtab.length === 0) return null;
  if (mode === "none") {
    return "the request carries a dtab, but callers of this server may not send one (callerDtab: none)";
  }
  for (const dentry of dtab) {
    const target = firstTarget(dentry.dst, (path) => !isName(path, allow));
    if (target !== null) return refusal(dentry, target);
  }
  return null;
}

/** The empty path counts as an address: what follows the prefix in the name may begin with `$`. */
function isName(path: Path, allow: readonly Path[]): boolean {
  if (path !== root && !/^\/[#$](\/|$)/.test(path)) return true;
  return allow.some((prefix) => startsWith(path, prefix));
}

function firstTarget(tree: NameTree<Path>, isWanted: (path: Path) => boolean): Path | null {
  switch (tree.kind) {
    case "leaf":
      return isWanted(tree.value) ? tree.value : null;
    case "alt":
      return firstOf(tree.trees, isWanted);
    case "union":
      return firstOf(
        tree.branches.map((branch) => branch.tree),
        isWanted,
      );
    default:
      return null;
  }
}

function firstOf(trees: readonly NameTree<Path>[], isWanted: (path: Path) => boolean): Path | null {
  for (const tree of trees) {
    const found = firstTarget(tree, isWanted);
    if (found !== null) return found;
  }
  return null;
}

const longestEntry = 200;

function refusal(dentry: Dentry, target: Path): string {
  const entry = showDentry(dentry);
  const shown = entry.length > longestEntry ? `${entry.slice(0, longestEntry)}...` : entry;
  return (
    `the caller's dtab entry ${shown} leads to ${shorten(target)}, but callers of this server may only ` +
    "rewrite names to other names (callerDtab: names); callerDtab.allow lists the exceptions"
  );
}

function shorten(path: Path): string {
  return path.length > longestEntry ? `${path.slice(0, longestEntry)}...` : path;
}
