// The rules of a dtab that led a name to what it is bound to, latest first; shown only for a record.
import { showDentry, showPrefix } from "../names/dtab.ts";
import type { Dentry } from "../names/dtab.ts";

export interface Via {
  readonly dentry: Dentry;
  /** The rule before it; null: it was the first. */
  readonly before: Via | null;
}

/** `/svc => /host ; /host => /#/io.l5d.fs`; null: no rule was needed. */
export function showVia(via: Via | null): string | null {
  const rules: string[] = [];
  for (let each = via; each !== null; each = each.before) rules.push(shown(each.dentry));
  return rules.length === 0 ? null : rules.toReversed().join(" ; ");
}

/** With blanks around the arrow, as people write it. */
function shown(dentry: Dentry): string {
  const prefix = showPrefix(dentry.prefix);
  return `${prefix} => ${showDentry(dentry).slice(prefix.length + 2)}`;
}
