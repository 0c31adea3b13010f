// A strict parser of Prometheus' text exposition format 0.0.4, to check our exporter.
import assert from "node:assert/strict";

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}
export interface Family {
  readonly type: string;
  readonly help: string;
  readonly samples: Sample[];
}

const suffixes: Readonly<Record<string, readonly string[]>> = {
  counter: [""],
  gauge: [""],
  histogram: ["_bucket", "_sum", "_count"],
  summary: ["", "_sum", "_count"],
};

/** Throws on the first violation of the format or of one of its guarantees. */
export function readExposition(text: string): Map<string, Family> {
  assert.ok(text.endsWith("\n"), "the last line must end in a line feed");
  const families = new Map<string, Family>();
  const seen = new Set<string>();
  let current = "";
  let help: { readonly name: string; readonly text: string } | null = null;
  for (const line of text.slice(0, -1).split("\n")) {
    const meta = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line);
    if (meta !== null) {
      const [, what, name = "", rest = ""] = meta;
      if (what === "HELP") {
        help = { name, text: rest };
        continue;
      }
      assert.ok(!families.has(name), `second TYPE line of ${name}`);
      assert.ok(rest in suffixes, `unknown type ${rest}`);
      assert.equal(help?.name, name, `TYPE of ${name} does not follow its HELP`);
      families.set(name, { type: rest, help: help?.text ?? "", samples: [] });
      current = name;
      continue;
    }
    assert.ok(!/^#\s*(HELP|TYPE)/.test(line), `bad meta line ${line}`);
    if (line.startsWith("# ")) continue;
    const sample = readSample(line);
    const family = families.get(current);
    assert.ok(family !== undefined, `${line} stands before any TYPE`);
    const suffix = sample.name.slice(current.length);
    assert.ok(
      sample.name.startsWith(current) && suffixes[family.type]?.includes(suffix),
      `${line} is not of family ${current}`,
    );
    const key = `${sample.name}${JSON.stringify(Object.entries(sample.labels).sort())}`;
    assert.ok(!seen.has(key), `${line} appears twice`);
    seen.add(key);
    family.samples.push(sample);
  }
  for (const [name, family] of families) checkFamily(name, family);
  return families;
}

function readSample(line: string): Sample {
  const parts = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
  assert.ok(parts !== null, `bad sample line ${line}`);
  const [, name = "", inner = "", number = ""] = parts;
  const labels: Record<string, string> = {};
  let rest = inner;
  while (rest !== "") {
    const label = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\["\\n])*)"(?:, ?|$)/.exec(rest);
    assert.ok(label !== null, `bad labels ${inner}`);
    assert.ok(!((label[1] ?? "") in labels), `label twice in ${inner}`);
    labels[label[1] ?? ""] = (label[2] ?? "").replace(/\\(.)/g, (_, c) => (c === "n" ? "\n" : c));
    rest = rest.slice(label[0].length);
  }
  assert.match(number, /^([+-]Inf|NaN|-?\d+(\.\d+)?(e[+-]?\d+)?)$/);
  return { name, labels, value: Number(number.replace("Inf", "Infinity")) };
}

function checkFamily(name: string, family: Family): void {
  assert.ok(family.samples.length > 0, `${name} has no sample`);
  if (family.type !== "histogram") return;
  const series = new Map<string, Sample[]>();
  for (const sample of family.samples) {
    const { le: _, ...others } = sample.labels;
    const key = JSON.stringify(others);
    series.set(key, [...(series.get(key) ?? []), sample]);
  }
  for (const samples of series.values()) {
    const buckets = samples.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map((bucket) => Number(bucket.labels["le"]?.replace("Inf", "Infinity")));
    const counts = buckets.map((bucket) => bucket.value);
    assert.deepEqual(
      bounds,
      [...bounds].sort((a, b) => a - b),
      `${name}: bounds ascend`,
    );
    assert.equal(new Set(bounds).size, bounds.length, `${name}: a bound twice`);
    assert.deepEqual(
      counts,
      [...counts].sort((a, b) => a - b),
      `${name}: counts never fall`,
    );
    assert.equal(bounds.at(-1), Infinity, `${name}: the last bound is +Inf`);
    const count = samples.find((sample) => sample.name === `${name}_count`);
    assert.equal(count?.value, counts.at(-1), `${name}_count is the bucket +Inf`);
    assert.ok(
      samples.some((sample) => sample.name === `${name}_sum`),
      `${name}_sum is missing`,
    );
  }
}
