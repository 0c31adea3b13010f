import assert from "node:assert/strict";
import { test } from "node:test";
import { maxTextLength, plain, readYaml } from "../../../src/config/yaml/yaml.ts";

function problems(text: string): string[] {
  const read = readYaml(text);
  const found = read.ok ? read.source.duplicates : read.problems;
  assert.ok(found.length > 0, "expected problems");
  return found.map((p) => `${p.line}:${p.column} ${p.message}`);
}

function data(text: string): unknown {
  const read = readYaml(text);
  assert.ok(read.ok, "expected no problem");
  return read.source.root === null ? null : plain(read.source.root);
}

const broken: readonly (readonly [string, string, readonly string[]])[] = [
  [
    "a tab for indentation",
    "a:\n\t- 1\n",
    ["2:1 expected spaces, got a tab: YAML is indented by spaces only"],
  ],
  ["an open list", "a: [1, 2\nb: 3\n", ["2:1 expected a closing ] before this point"]],
  ["an open map in a list", "a: [{b: 1]\n", ["1:10 expected a closing } before this point"]],
  ["an open map of JSON", '{"a": 1', ["1:8 expected a closing } before this point"]],
  ["a missing comma of JSON", '{"a": 1 "b": 2}', ["1:7 expected a comma after this value"]],
  [
    "a bracket too many",
    '{"a": 1}}',
    ["1:9 expected the end of the file, got a closing bracket that was never opened"],
  ],
  ["two documents", "a: 1\n---\nb: 2\n", ["2:1 expected one document, got a second one after ---"]],
  [
    "an open quote, where it opens",
    'a: 1\nb: "x\nc: 1\n',
    ["2:4 the quote that opens here is never closed"],
  ],
  [
    "two colons on a line",
    "a: b: c\n",
    [
      '1:4 expected one value after the colon, got another "key: value": check the indentation of the next line, or put the text in quotes',
    ],
  ],
  [
    "a key further out than the first",
    " a: 1\nb: 2\n",
    ["2:1 expected the value above to end here: check the indentation, or quote the whole text"],
  ],
  [
    "a key further in than its list item",
    "routers:\n- protocol: http\n label: x\n",
    [
      '3:1 expected an item that begins with "- ", or a key indented like the keys of the item above',
    ],
  ],
  [
    "a block that ends too early",
    "dtab: |\n  /a => /b\n /c => /d\nx: 1\n",
    ["3:1 expected a key indented like those above it"],
  ],
  [
    "no space after a colon",
    "a:b\nc: 1\n",
    ['1:1 expected "key: value" on one line: check the indentation, and the space after the colon'],
  ],
  [
    "text that begins with a reserved character",
    "a: @x\nb: `y`\nc: %z\n",
    [
      "1:4 expected text: a value that begins with this character must be quoted",
      "2:4 expected text: a value that begins with this character must be quoted",
      "3:4 expected text: a value that begins with this character must be quoted",
    ],
  ],
  [
    "a dtab entry that looks like an alias",
    "x: * => /a\n",
    ["1:4 expected the name of an anchor after *: text that begins with * must be quoted"],
  ],
  ["an unknown tag", "a: !include b.yaml\n", ["1:4 expected a value without a !tag"]],
  [
    "an alias of nothing",
    "a: *base\n",
    [
      "1:4 expected the name of an anchor above, got *base: add &base to a value, or quote text that begins with *",
    ],
  ],
  [
    "an alias within itself",
    "a: &x\n  b: *x\n",
    ["2:6 the alias *x is inside the value that it names"],
  ],
  [
    "the same key twice, thrice",
    "a: 1\nb: 2\na: 3\na: 4\n",
    ["3:1 duplicate key: it is already on line 1", "4:1 duplicate key: it is already on line 1"],
  ],
  [
    "the same key twice in JSON",
    '{"a": 1,\n "a": 2}',
    ["2:2 duplicate key: it is already on line 1"],
  ],
  [
    "braces within braces",
    "a: [{b: /c/{d}}]\nc:\n- d\n- e: 1\n",
    [
      "1:12 expected a comma or a closing bracket after this value: text that contains { or [ must be quoted here",
    ],
  ],
  ["a map as a key", "? {a: 1}\n: b\n", ["1:3 expected a key that is plain text"]],
  ["a key that changes objects", "__proto__: {a: 1}\n", ["1:1 expected a key that is plain text"]],
  [
    "a merge of no map",
    "a: &a 1\nb:\n  <<: *a\n",
    ["3:3 expected a map to merge, such as <<: *base"],
  ],
  [
    "an unknown escape",
    'a: "\\q"\n',
    [
      "1:5 expected a known escape after \\ in double quotes: write \\\\ for the character itself, or use single quotes",
    ],
  ],
];

for (const [name, text, expected] of broken) {
  test(`refused: ${name}`, () => assert.deepEqual(problems(text), expected));
}

const deep: readonly (readonly [string, string])[] = [
  ["in lists", `a: ${"[".repeat(100_000)}`],
  ["in closed lists", `a: ${"[".repeat(100)}${"]".repeat(100)}`],
  ["in maps", "{a: ".repeat(100)],
  ["in items", "- ".repeat(100_000)],
  ["in blocks", Array.from({ length: 100 }, (_, i) => `${" ".repeat(i)}a:`).join("\n")],
  ["in keys", "? ".repeat(1000)],
  ["before a quote that never closes", `${"[".repeat(900)}"x`],
  [
    "by aliases",
    Array.from({ length: 1000 }, (_, i) => `a${i}: &a${i} [${i > 0 ? `*a${i - 1}` : ""}]`).join(
      "\n",
    ),
  ],
];

for (const [name, text] of deep) {
  test(`refused before the stack overflows: values nested too deeply ${name}`, () => {
    const found = problems(text);
    assert.equal(found.length, 1);
    assert.match(found[0] ?? "", /^\d+:\d+ expected a value, got values nested too deeply$/);
  });
}

test("values may be nested as deeply as any configuration needs", () => {
  const text = `a: ${"[".repeat(50)}${"]".repeat(50)}\n`;
  assert.ok(readYaml(text).ok);
});

test("aliases that multiply each other are refused before they are written out", () => {
  const levels = Array.from({ length: 30 }, (_, i) => {
    const items = i === 0 ? "x" : Array.from({ length: 10 }, () => `*a${i - 1}`).join(", ");
    return `a${i}: &a${i} [${items}]`;
  });
  assert.deepEqual(problems(levels.join("\n")), ["6:9 expected at most 200000 values, got more"]);
});

test("a text above the limit is refused unread", () => {
  const [first = ""] = problems("#".repeat(maxTextLength + 1));
  assert.match(first, /^1:1 expected at most 2097152 characters, got 2097153$/);
});

test("aliases and merge keys are resolved, own keys win", () => {
  const text = "base: &b {x: 1, y: 2}\na: *b\nc:\n  y: 3\n  <<: *b\n";
  assert.deepEqual(data(text), { base: { x: 1, y: 2 }, a: { x: 1, y: 2 }, c: { x: 1, y: 3 } });
});

test("JSON is read with its tabs, escapes and byte order mark", () => {
  assert.deepEqual(data('\ufeff{\n\t"a": [1, true, null, "\\u0041\\n"],\n\t"b": {}\n}\n'), {
    a: [1, true, null, "A\n"],
    b: {},
  });
});

test("lines may end as on Windows", () => {
  assert.deepEqual(data("a: 1\r\nb: |\r\n  x\r\n"), { a: 1, b: "x\n" });
});
