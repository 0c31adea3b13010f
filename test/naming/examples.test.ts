// The YAML on top of each kind's file is what people copy: it must be right.
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import * as v from "valibot";
import { parse } from "yaml";
import type { GenericSchema } from "../../src/core/schema.ts";
import { consulAnnouncer } from "../../src/naming/announcers/consul.ts";
import { consulInterpreter } from "../../src/naming/interpreters/consul.ts";
import { defaultInterpreter } from "../../src/naming/interpreters/default.ts";
import { fsInterpreter } from "../../src/naming/interpreters/fs.ts";
import { namerd } from "../../src/naming/interpreters/namerd.ts";
import { namerdHttp } from "../../src/naming/interpreters/namerd-http.ts";
import { consul } from "../../src/naming/namers/consul.ts";
import { dnssrv } from "../../src/naming/namers/dnssrv.ts";
import { fs } from "../../src/naming/namers/fs.ts";
import { marathon } from "../../src/naming/namers/marathon.ts";
import { rewrite } from "../../src/naming/namers/rewrite.ts";
import { staticNamer } from "../../src/naming/namers/static.ts";
import { constTransformer } from "../../src/naming/transformers/const.ts";
import { localhost } from "../../src/naming/transformers/localhost.ts";
import { port } from "../../src/naming/transformers/port.ts";
import { replace } from "../../src/naming/transformers/replace.ts";
import { specificHost } from "../../src/naming/transformers/specific-host.ts";
import { testFolder } from "../support/folder.ts";

type Kind = { readonly kind: string; readonly schema: GenericSchema };

const kinds: Readonly<Record<string, readonly Kind[]>> = {
  namers: [fs, consul, dnssrv, marathon, rewrite, staticNamer],
  announcers: [consulAnnouncer],
  transformers: [constTransformer, localhost, port, replace, specificHost],
  interpreters: [defaultInterpreter, fsInterpreter, consulInterpreter, namerd, namerdHttp],
};

const sources = new URL("../../../src/naming/", import.meta.url);

/** The indented part of the comment that a file begins with. */
function exampleOf(file: URL): string | null {
  const comment = readFileSync(file, "utf8").split(/\n(?!\/\/)/, 1)[0] ?? "";
  const lines = comment.split("\n").map((line) => line.replace(/^\/\/ ?/, ""));
  const example = lines.filter((line) => line.startsWith("    "));
  return example.length === 0 ? null : example.join("\n");
}

for (const [folderName, known] of Object.entries(kinds)) {
  const folder = new URL(`${folderName}/`, sources);
  for (const name of readdirSync(folder)) {
    const example = exampleOf(new URL(name, folder));
    if (example === null) continue;
    test(`the example of ${folderName}/${name} is right`, (t) => {
      const section = Object.values(parse(example) as object)[0] as unknown;
      const config = (Array.isArray(section) ? section[0] : section) as { kind: string };
      const used = known.find(({ kind }) => kind === config.kind);
      assert.ok(used !== undefined, `no such kind: ${config.kind}`);
      // What must exist does, relative to a folder of the test's own.
      const here = testFolder(t).path;
      mkdirSync(join(here, "disco"));
      writeFileSync(join(here, "routes.dtab"), "");
      const cwd = process.cwd();
      t.after(() => process.chdir(cwd));
      process.chdir(here);
      const result = v.safeParse(used.schema, config);
      assert.ok(result.success, JSON.stringify(result.issues));
    });
  }
}

test("every kind has an example", () => {
  for (const [folderName, known] of Object.entries(kinds)) {
    const folder = new URL(`${folderName}/`, sources);
    const examples = readdirSync(folder).filter(
      (name) => exampleOf(new URL(name, folder)) !== null,
    );
    assert.equal(examples.length, known.length, folderName);
  }
});
