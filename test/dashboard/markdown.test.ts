// The manual as the dashboard shows it: every page of docs/, block by block.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { bundled } from "../support/bundled.ts";

type Block = { readonly kind: string } & Readonly<Record<string, unknown>>;

interface Markdown {
  blocksOf(markdown: string): readonly Block[];
  inlinesOf(text: string): readonly Readonly<Record<string, string>>[];
  anchorOf(heading: string): string;
}

const { blocksOf, inlinesOf, anchorOf } = await bundled<Markdown>("dashboard/data/markdown.ts");

test("headings, paragraphs, code, lists and tables", () => {
  const text = [
    "# A `b`",
    "",
    "one",
    "two",
    "",
    "```yaml",
    "a: 1",
    "```",
    "    indented",
    "",
    "* first",
    "  goes on",
    "* second",
    "| x | `a|b` |",
    "|---|---|",
    "| 1 | 2 \\| 3 |",
  ].join("\n");
  assert.deepEqual(blocksOf(text), [
    { kind: "heading", level: 1, text: "A `b`" },
    { kind: "paragraph", text: "one two" },
    { kind: "code", text: "a: 1" },
    { kind: "code", text: "indented" },
    { kind: "list", isOrdered: false, items: ["first goes on", "second"] },
    { kind: "table", head: ["x", "`a|b`"], rows: [["1", "2 | 3"]] },
  ]);
});

test("within a line: code, strong, links; nothing else is markup", () => {
  assert.deepEqual(inlinesOf("a `b<c>` **d** [e `f`](g.md#h) <i>j</i>"), [
    { kind: "text", text: "a " },
    { kind: "code", text: "b<c>" },
    { kind: "text", text: " " },
    { kind: "strong", text: "d" },
    { kind: "text", text: " " },
    { kind: "link", text: "e `f`", to: "g.md#h" },
    { kind: "text", text: " <i>j</i>" },
  ]);
});

for (const file of readdirSync("docs").filter((name) => name.endsWith(".md"))) {
  test(`docs/${file} is shown whole: tables keep their columns, no mark of a block is left`, () => {
    const blocks = blocksOf(readFileSync(`docs/${file}`, "utf8"));
    assert.equal(blocks[0]?.kind, "heading");
    for (const block of blocks) {
      if (block.kind === "paragraph")
        assert.doesNotMatch(String(block["text"]), /^(#|\||```|[*-] )/);
      if (block.kind !== "table") continue;
      const [head, rows] = [block["head"] as string[], block["rows"] as string[][]];
      for (const row of rows) assert.equal(row.length, head.length, `${file}: ${row.join(" | ")}`);
    }
  });
}

test("anchors are those that the manual's links name", () => {
  assert.equal(anchorOf("Kinds of failures"), "kinds-of-failures");
  assert.equal(anchorOf("Trying it out: `faults`"), "trying-it-out-faults");
});
