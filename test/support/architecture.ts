// The plan of the house as rules that a test can check: who may import whom, what the lower
// floors must not touch, how long things may get. ARCHITECTURE.md says why.
import path from "node:path";
import { blankOut, functionsOf, importsOf, lineAt } from "./source.ts";

/** Keys are paths from the checkout, with slashes. */
export type Sources = ReadonlyMap<string, string>;

interface Floor {
  /** A folder, ending in a slash, or one file. The first that fits a path is its floor. */
  readonly at: string;
  /** Floors, besides itself; "*": all of ours. */
  readonly mayImport: readonly string[];
  /** Modules from outside; "*": all. */
  readonly outside: readonly string[];
  /** Takes time, chance, logs and limits as arguments. */
  readonly isPure?: true;
}

const anything = ["*"];
const belowProtocols = ["src/core/", "src/runtime/", "src/net/", "src/access-log/"];

/** The table of ARCHITECTURE.md, section 3. */
export const floors: readonly Floor[] = [
  { at: "src/core/", mayImport: [], outside: ["valibot"], isPure: true },
  { at: "src/runtime/", mayImport: ["src/core/"], outside: anything },
  { at: "src/net/", mayImport: ["src/core/", "src/runtime/"], outside: anything },
  { at: "src/access-log/", mayImport: ["src/core/", "src/runtime/"], outside: anything },
  { at: "src/naming/", mayImport: ["src/core/", "src/runtime/", "src/net/"], outside: anything },
  {
    at: "src/name-server/",
    mayImport: ["src/core/", "src/runtime/", "src/net/", "src/naming/"],
    outside: anything,
  },
  { at: "src/routing/", mayImport: ["src/core/"], outside: ["valibot"], isPure: true },
  {
    at: "src/shift/",
    mayImport: ["src/core/", "src/naming/", "src/name-server/"],
    outside: anything,
    isPure: true,
  },
  { at: "src/telemetry/", mayImport: ["src/core/"], outside: anything },
  {
    at: "src/fleet/",
    mayImport: ["src/core/", "src/telemetry/"],
    outside: ["undici", "node:fs/promises"],
    isPure: true,
  },
  { at: "src/config/", mayImport: ["src/core/", "src/runtime/"], outside: anything },
  { at: "src/admin/", mayImport: ["src/core/"], outside: anything },
  // It runs in a browser: of the process it knows the shape of the JSON that it reads, and no more.
  {
    at: "dashboard/",
    mayImport: ["src/admin/dashboard/shapes.ts", "src/fleet/views/shapes.ts"],
    outside: ["preact", "preact/hooks", "uplot"],
  },
  {
    at: "protocols/thriftmux/",
    mayImport: [...belowProtocols, "protocols/thrift/", "protocols/mux/"],
    outside: anything,
    isPure: true,
  },
  { at: "protocols/", mayImport: belowProtocols, outside: anything, isPure: true },
  {
    at: "src/plugins.ts",
    // src/config/kinds.ts and src/assemble/ say what a list of kinds looks like.
    mayImport: [
      "src/core/",
      "src/naming/",
      "src/name-server/",
      "src/routing/",
      "src/telemetry/",
      "protocols/",
      "src/config/",
      "src/assemble/",
    ],
    outside: anything,
  },
  { at: "src/version.ts", mayImport: [], outside: anything },
  { at: "src/lifecycle.ts", mayImport: ["src/core/"], outside: anything },
  { at: "src/assemble.ts", mayImport: anything, outside: anything },
  { at: "src/assemble/", mayImport: anything, outside: anything },
  { at: "src/commands/", mayImport: anything, outside: anything },
  {
    at: "src/main.ts",
    mayImport: ["src/assemble.ts", "src/assemble/", "src/commands/", "src/core/", "src/version.ts"],
    outside: anything,
  },
];

const table = "the table in test/support/architecture.ts (and in ARCHITECTURE.md)";

/** One line for each import that goes where it must not. */
export function wrongImports(sources: Sources): string[] {
  return [...sources].flatMap(([file, source]) => {
    const floor = floorOf(file);
    if (floor === undefined) {
      return [`${file}: no rule for this folder. Move it, or add its row to ${table}.`];
    }
    return importsOf(source).flatMap(({ specifier, line }) => {
      const why = specifier.startsWith(".")
        ? whyNotOurs(file, floor, specifier)
        : whyNotOutside(floor, specifier);
      return why === null ? [] : [`${file}:${line}: ${why}`];
    });
  });
}

function floorOf(file: string): Floor | undefined {
  return floors.find(({ at }) => (at.endsWith("/") ? file.startsWith(at) : file === at));
}

/** Protocols do not import each other: each folder of `protocols/` is its own. */
function homeOf(file: string): string {
  const [protocol] = /^protocols\/[^/]+\//.exec(file) ?? [];
  return protocol ?? floorOf(file)?.at ?? path.posix.dirname(file);
}

function whyNotOurs(file: string, floor: Floor, specifier: string): string | null {
  const target = path.posix.normalize(path.posix.join(path.posix.dirname(file), specifier));
  if (!/\.(?:tsx?|css)$/.test(specifier)) return `imports "${specifier}": write the ending, .ts.`;
  if (homeOf(target) === homeOf(file)) return null;
  const isOurs = target.startsWith("src/") || target.startsWith("protocols/");
  if (floor.mayImport.includes("*") && isOurs) return null;
  if (floor.mayImport.some((at) => target.startsWith(at))) return null;
  const allowed = floor.mayImport.length === 0 ? "nothing of ours" : floor.mayImport.join(", ");
  return (
    `imports ${target}, but ${floor.at} may import only itself and ${allowed}. Take what you need ` +
    `as an argument, with its interface in src/core, and let src/assemble.ts connect the two.`
  );
}

function whyNotOutside(floor: Floor, specifier: string): string | null {
  if (floor.outside.includes("*") || floor.outside.includes(specifier)) return null;
  return (
    `imports "${specifier}", but ${floor.at} may import from outside only ` +
    `${floor.outside.join(", ")}: it holds words and decisions, no sockets and no files. ` +
    `Put what touches the system into src/net or src/naming.`
  );
}

interface Ban {
  readonly word: RegExp;
  readonly instead: string;
}

const useClock = "take a Clock (src/core/clock.ts), so that tests say what time it is";
const bans: readonly Ban[] = [
  {
    word: /\b(?:setTimeout|setInterval)\b/g,
    instead: "use clock.after: one timer wheel for all, and a test can turn it",
  },
  { word: /\bDate\.now\b|\bnew Date\(\)/g, instead: `${useClock}: clock.wallMs()` },
  { word: /\bperformance\.now\b/g, instead: `${useClock}: clock.nowMs()` },
  {
    word: /\bMath\.random\b/g,
    instead: "take a Random (src/core/clock.ts), so that a seed repeats a failure",
  },
  {
    word: /(?<![.\w])console\b(?=\.)/g,
    instead: "take a Log (src/core/log.ts): events with fields, and nothing per call",
  },
  {
    word: /(?<![.\w])process\b(?=[.[])/g,
    instead:
      "take what you need of it as an argument; only src/assemble.ts and above know a process",
  },
];

/** One line for each use of the process's own time, chance or output on the lower floors. */
export function bannedWords(sources: Sources): string[] {
  return [...sources].flatMap(([file, source]) => {
    if (floorOf(file)?.isPure !== true) return [];
    const code = blankOut(source);
    return bans.flatMap(({ word, instead }) =>
      [...code.matchAll(word)].map(
        (match) =>
          `${file}:${lineAt(source, match.index)}: ${match[0]} is banned here: ${instead}.`,
      ),
    );
  });
}

const maxFileLines = 350;
const maxFunctionLines = 60;
const excuse = "Long because";

/** One line for each file or function that has grown too long to be read in one go. */
export function tooLong(sources: Sources): string[] {
  return [...sources].flatMap(([file, source]) => {
    const fileLines = source.trimEnd().split("\n").length;
    const functions = functionsOf(source)
      .filter(({ lines, above }) => lines > maxFunctionLines && !above.includes(excuse))
      .map(
        ({ line, lines }) =>
          `${file}:${line}: a function of ${lines} lines, the limit is ${maxFunctionLines}. Name ` +
          `its steps and make them functions; for a table of states write "${excuse} ..." above it.`,
      );
    if (fileLines <= maxFileLines) return functions;
    const why =
      `${file}: ${fileLines} lines, the limit is ${maxFileLines}. It does more than its first ` +
      `line says: move one of its subjects to a file of its own.`;
    return [why, ...functions];
  });
}
