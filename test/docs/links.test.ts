// Links between the pages of the manual lead somewhere: files that exist, headings that are there.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

const pages = [
  "README.md",
  "ARCHITECTURE.md",
  "STYLE.md",
  "CHANGELOG.md",
  ...markdownBelow("docs"),
];

function markdownBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => path.join(folder, name));
}

interface Link {
  readonly target: string;
  readonly line: number;
}

/** Links in prose: what stands in code is no link. */
function linksIn(text: string): Link[] {
  const links: Link[] = [];
  let isCode = false;
  text.split("\n").forEach((each, index) => {
    if (/^\s*(```|~~~)/.test(each)) isCode = !isCode;
    if (isCode) return;
    for (const [, target = ""] of each.replaceAll(/`[^`]*`/g, "``").matchAll(/\]\(([^)\s]+)\)/g)) {
      links.push({ target, line: index + 1 });
    }
  });
  return links;
}

/** As GitHub makes them: lower case, spaces to hyphens, punctuation dropped, repeated ones numbered. */
function anchorsOf(text: string): Set<string> {
  const seen = new Map<string, number>();
  const anchors = new Set<string>();
  let isCode = false;
  for (const line of text.split("\n")) {
    if (/^\s*(```|~~~)/.test(line)) isCode = !isCode;
    const heading = isCode ? null : /^#{1,6}\s+(.*?)\s*#*$/.exec(line);
    for (const [, id = ""] of line.matchAll(/<a (?:id|name)="([^"]+)"/g)) anchors.add(id);
    if (heading === null) continue;
    const words = (heading[1] ?? "").replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
    const anchor = words.replaceAll(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-");
    const count = seen.get(anchor) ?? 0;
    seen.set(anchor, count + 1);
    anchors.add(count === 0 ? anchor : `${anchor}-${count}`);
  }
  return anchors;
}

/** null: the link leads somewhere. */
function problemOf(page: string, target: string): string | null {
  if (/^[a-z][a-z0-9+.-]*:/i.test(target)) return null; // another site
  const [file = "", anchor] = target.split("#");
  const to = file === "" ? page : path.join(path.dirname(page), decodeURIComponent(file));
  if (!existsSync(to)) return `there is no ${to}`;
  if (anchor === undefined || !to.endsWith(".md") || statSync(to).isDirectory()) return null;
  return anchorsOf(readFileSync(to, "utf8")).has(anchor) ? null : `${to} has no heading #${anchor}`;
}

for (const page of pages) {
  test(`every link of ${page} leads somewhere`, () => {
    const dead = linksIn(readFileSync(page, "utf8")).flatMap(({ target, line }) => {
      const problem = problemOf(page, target);
      return problem === null ? [] : [`${page}:${line}: ${target}: ${problem}`];
    });
    assert.deepEqual(dead, []);
  });
}

test("a link to a missing file, or a missing heading, is noticed", () => {
  assert.match(problemOf("docs/tls.md", "nowhere.md") ?? "", /there is no docs\/nowhere\.md/);
  assert.match(problemOf("docs/tls.md", "#nowhere") ?? "", /no heading #nowhere/);
  assert.deepEqual(linksIn("`[a](b.md)` [c](d.md)\n```\n[e](f.md)\n```"), [
    { target: "d.md", line: 1 },
  ]);
});
