// The pages of docs/ are true: every YAML example passes the check, and every key is documented.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { checkConfig } from "../support/check.ts";
import { jsonSchema } from "../../src/config/json-schema.ts";
import { kinds } from "./real-kinds.ts";

const docs = resolve("docs");
const pages = readdirSync(docs).filter((name) => name.endsWith(".md"));

let home = "";
/** The examples name files, which must exist: this folder has them. */
before(() => {
  home = mkdtempSync(join(tmpdir(), "switchyard-docs-"));
  mkdirSync(join(home, "disco"));
  writeFileSync(join(home, "outgoing.dtab"), "/svc => /host ;\n");
  for (const name of ["consul-agent-ca", "dc1-client-consul-0", "dc1-client-consul-0-key"]) {
    writeFileSync(join(home, `${name}.pem`), "");
  }
  process.chdir(home);
});
after(() => {
  process.chdir(resolve(docs, ".."));
  rmSync(home, { recursive: true });
});

interface Example {
  readonly page: string;
  readonly line: number;
  /** What stands behind `yaml`: nothing for a whole file. */
  readonly scope: string;
  readonly text: string;
}

function examplesOf(page: string): Example[] {
  const text = readFileSync(join(docs, page), "utf8");
  return Array.from(text.matchAll(/^```yaml ?(.*)\n([^]*?)^```$/gm), (match) => ({
    page,
    line: text.slice(0, match.index).split("\n").length,
    scope: match[1] ?? "",
    text: match[2] ?? "",
  }));
}

/** A whole file of a fragment. */
function whole({ scope, text, page, line }: Example): string {
  const servers = /^servers:/m.test(text) ? "" : "  servers: [{}]\n";
  const indented = text.replace(/^(?=.)/gm, "  ");
  switch (scope) {
    case "":
      return text;
    case "fragment of file":
      return /^routers:/m.test(text) ? text : `${text}routers:\n- protocol: http\n${servers}`;
    case "fragment of router":
      return `routers:\n- protocol: http\n${servers}${indented}`;
    case "fragment of server":
      return `routers:\n- protocol: http\n  servers:\n  - ${indented.replace(/\n(?=.)/g, "\n  ").trimStart()}`;
    default:
      return assert.fail(`${page}:${line}: unknown fragment: ${scope}`);
  }
}

for (const example of pages.flatMap(examplesOf)) {
  test(`the example at docs/${example.page}:${example.line} passes the check`, () => {
    const result = checkConfig(whole(example), "example", kinds);
    assert.deepEqual(result.ok ? [] : result.problems, []);
  });
}

test("configuration.md lists every protocol with its port, identifier and classifier", () => {
  const text = readFileSync(join(docs, "configuration.md"), "utf8");
  for (const { name, defaultPort, defaultIdentifier, defaultClassifier } of kinds.protocols) {
    const row = `| \`${name}\` | ${defaultPort} | \`${defaultIdentifier}\` | \`${defaultClassifier}\` | [${name}.md](${name}.md#keys) |`;
    assert.ok(text.includes(row), row);
  }
});

test("configuration.md has examples of every section", () => {
  assert.ok(examplesOf("configuration.md").length >= 10);
});

test("the pages of the kinds describe every fixed key", async () => {
  const pages = [
    "configuration.md",
    "consul.md",
    "discovery.md",
    "fleet.md",
    "name-server.md",
    "tracing.md",
  ];
  const text = pages.map((page) => readFileSync(join(docs, page), "utf8")).join("");
  const ownKeys = new Set(kinds.protocols.flatMap(protocolKeys));
  const keys = new Set<string>();
  collect(await jsonSchema(kinds), keys);
  const missing = [...keys].filter((key) => !ownKeys.has(key) && !isTold(text, key));
  assert.deepEqual(missing.sort(), []);
});

function protocolKeys(protocol: (typeof kinds.protocols)[number]): string[] {
  const { routerKeys, serverKeys, clientKeys, serviceKeys } = protocol;
  const inner = ["by", "for", "label"]; // of addForwardedHeader
  return [routerKeys, serverKeys, clientKeys, serviceKeys].flatMap(Object.keys).concat(inner);
}

function isTold(text: string, key: string): boolean {
  // `key`, `section.key`, `key.inner`, or within an example such as `{ key: 5 }`.
  return new RegExp(`[\`.]${key}[\`.:]|[{,]\\s+${key}:`).test(text);
}

/** The names of all keys anywhere in a JSON Schema. */
function collect(schema: unknown, keys: Set<string>): void {
  if (Array.isArray(schema)) for (const item of schema) collect(item, keys);
  else if (typeof schema === "object" && schema !== null) {
    for (const [name, inner] of Object.entries(schema)) {
      if (name === "properties") for (const key of Object.keys(inner as object)) keys.add(key);
      collect(inner, keys);
    }
  }
}
