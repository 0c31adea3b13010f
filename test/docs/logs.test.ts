// docs/logs.md: the pipelines read the files that its example writes, and its table has every field.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parse } from "yaml";
import { accessSchema } from "../../src/access-log/avro/schema.ts";

const page = readFileSync("docs/logs.md", "utf8");

test("every field of the schema has its row", () => {
  const rows = page.split("\n").filter((line) => line.startsWith("| `"));
  const named = rows.flatMap((row) => (row.split("|")[1] ?? "").match(/\w+/g) ?? []);
  for (const { name } of accessSchema.fields) assert.ok(named.includes(name), name);
});

test("the pipeline of vector is one whose parts follow each other, and reads time as the table says", () => {
  const [, text = ""] = /^```yml\n([^]*?)^```$/m.exec(page) ?? [];
  const { sources, transforms, sinks } = parse(text) as Record<string, Record<string, Part>>;
  for (const part of Object.values({ ...transforms, ...sinks })) {
    for (const input of part.inputs ?? []) {
      assert.ok(input in { ...sources, ...transforms }, input);
    }
  }
  const [source = ""] = Object.values(transforms ?? {}).map((part) => part.source ?? "");
  assert.deepEqual(source.trimEnd().split("\n"), [
    ". = parse_json!(.message)",
    '.timestamp = parse_timestamp!(del(.time), format: "%+")', // ISO 8601, RFC 3339
  ]);
  assert.ok(page.includes('match => ["time", "ISO8601"]'));
});

interface Part {
  readonly inputs?: readonly string[];
  readonly source?: string;
}
