// package-lock.json is complete: `npm ci` refuses one that lacks anything.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

interface Entry {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly resolved?: string;
}

interface Lock {
  readonly packages: Readonly<Record<string, Entry>>;
}

/** Where Node looks for `name` from the package in `folder`: its own modules first, then those of each above. */
function foldersOf(name: string, folder: string): string[] {
  const above = folder.lastIndexOf("node_modules/");
  const here = `${folder === "" ? "" : `${folder}/`}node_modules/${name}`;
  if (folder === "") return [here];
  return [here, ...foldersOf(name, folder.slice(0, Math.max(0, above - 1)))];
}

function missingOf({ packages }: Lock): string[] {
  return Object.entries(packages).flatMap(([folder, entry]) =>
    Object.keys({ ...entry.dependencies, ...entry.optionalDependencies })
      .filter((name) => !foldersOf(name, folder).some((each) => packages[each] !== undefined))
      .map((name) => `${folder} needs ${name}`),
  );
}

const files = ["package-lock.json", "tools/node/package-lock.json"];

for (const file of files) {
  const lock = JSON.parse(readFileSync(file, "utf8")) as Lock;

  test(`${file} has an entry for each package that one of its entries needs, on any platform`, () => {
    assert.deepEqual(missingOf(lock), []);
  });

  test(`${file} names no registry`, () => {
    const named = Object.values(lock.packages).flatMap(({ resolved }) => resolved ?? []);
    assert.deepEqual(named, []);
  });
}

test("a lock without the package of another platform is told from a complete one", () => {
  const root = { dependencies: { linter: "1.0.0" } };
  const linter = { optionalDependencies: { "linter-darwin": "1.0.0" } };
  const packages = { "": root, "node_modules/linter": linter };
  assert.deepEqual(missingOf({ packages }), ["node_modules/linter needs linter-darwin"]);
  const nested = { ...packages, "node_modules/linter/node_modules/linter-darwin": {} };
  assert.deepEqual(missingOf({ packages: nested }), []);
});
