// Figures in a page of documentation: the text between two comments is a command's, not a person's.
import { readFileSync, writeFileSync } from "node:fs";

/** Replaces what stands between `<!-- NAME -->` and `<!-- /NAME -->`. Throws when the page has no such place. */
export function replaceSection(page: string, name: string, text: string): void {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const before = readFileSync(page, "utf8");
  const [from, to] = [before.indexOf(begin), before.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${page} has no ${begin} ... ${end}`);
  writeFileSync(page, `${before.slice(0, from)}${begin}\n\n${text}\n\n${before.slice(to)}`);
}
