// What `switchyard dtab` does, by the word after it.
import { readFile } from "node:fs/promises";
import type { Dtab } from "../../core/names/dtab.ts";
import { parsePath } from "../../core/names/path.ts";
import { countOf } from "../../name-server/counted-version.ts";
import type { VersionedDtab } from "../../name-server/dtab-store.ts";
import { problemOf } from "../../shift/store.ts";
import type { DtabTarget } from "../../shift/store.ts";
import type { ExitCode, Terminal } from "../command.ts";
import { diffLines, dtabText, hasChanges } from "./diff.ts";
import type { DtabAction } from "./action.ts";
import { edited } from "./edit.ts";
import { dtabIn } from "./read-dtab.ts";
import { compareName } from "./test.ts";

export const actions: Readonly<Record<string, DtabAction>> = {
  async ls({ target, terminal }) {
    for (const name of await target.list()) terminal.out(name);
    return 0;
  },

  async get({ target, namespace, terminal }) {
    const { dtab } = await existing(target, namespace);
    terminal.out(dtabText(dtab).trimEnd());
    return 0;
  },

  async put({ target, namespace, rest, values, terminal }) {
    const [file] = rest;
    if (file === undefined) return "put needs a file, or - for standard input";
    const dtab = await dtabFrom(file, terminal);
    const before = await target.get(namespace);
    return write(target, namespace, before, dtab, terminal, values["force"] === true);
  },

  async edit({ target, namespace, terminal }) {
    const before = await target.get(namespace);
    const text = await edited(namespace, dtabText(before?.dtab ?? []));
    return write(target, namespace, before, dtabIn(text, namespace), terminal, false);
  },

  async diff({ target, namespace, rest, terminal }) {
    const [file] = rest;
    if (file === undefined) return "diff needs a file, or - for standard input";
    const before = await target.get(namespace);
    const lines = diffLines(before?.dtab ?? [], await dtabFrom(file, terminal));
    for (const line of lines) terminal.out(line);
    return hasChanges(lines) ? 1 : 0;
  },

  async test({ target, namespace, rest, values, terminal }) {
    const [file] = rest;
    const path = parsePath(String(values["path"] ?? ""));
    if (file === undefined || !path.ok)
      return "test needs a file and --path NAME, such as --path /svc/users";
    return compareName(target, namespace, await dtabFrom(file, terminal), path.value, terminal);
  },

  async history({ target, namespace, terminal }) {
    const versions = await historyOf(target, namespace);
    const current = await target.get(namespace);
    for (const [i, { dtab, version }] of versions.entries()) {
      const next = versions[i + 1] ?? current;
      const changed = next === null ? "removed" : changesOf(dtab, next.dtab);
      terminal.out(`${countOf(version)}  ${entries(dtab.length)}; then ${changed}`);
    }
    if (current !== null)
      terminal.out(`${countOf(current.version)}  ${entries(current.dtab.length)}; the current one`);
    return 0;
  },

  async rollback({ target, namespace, rest, terminal }) {
    const versions = await historyOf(target, namespace);
    const [wanted] = rest;
    const chosen =
      wanted === undefined
        ? versions.at(-1)
        : versions.find(({ version }) => String(countOf(version)) === wanted);
    if (chosen === undefined) {
      const kept = versions.map(({ version }) => countOf(version)).join(", ") || "none";
      throw new Error(`there is no version ${wanted ?? ""} of ${namespace}; kept are: ${kept}`);
    }
    return write(target, namespace, await target.get(namespace), chosen.dtab, terminal, false);
  },

  async rm({ target, namespace }) {
    const written = await target.remove(namespace);
    if (written.kind !== "done") throw new Error(problemOf(written, target.where));
    return 0;
  },
};

async function existing(target: DtabTarget, namespace: string): Promise<VersionedDtab> {
  const found = await target.get(namespace);
  if (found !== null) return found;
  const known = (await target.list()).join(", ") || "none";
  throw new Error(`${target.where} has no namespace ${namespace}; it has: ${known}`);
}

async function historyOf(target: DtabTarget, namespace: string) {
  const versions = await target.history(namespace);
  if (versions !== null) return versions;
  throw new Error(`${target.where} keeps no earlier versions: only a storage io.l5d.fs does`);
}

async function dtabFrom(file: string, terminal: Terminal): Promise<Dtab> {
  if (file === "-") return dtabIn(await terminal.readInput(), "<stdin>");
  try {
    return dtabIn(await readFile(file, "utf8"), file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw code === "ENOENT" ? new Error(`there is no file ${file}`, { cause: error }) : error;
  }
}

/** Prints what changes, and writes it if it still applies. */
async function write(
  target: DtabTarget,
  namespace: string,
  before: VersionedDtab | null,
  dtab: Dtab,
  terminal: Terminal,
  isForced: boolean,
): Promise<ExitCode> {
  const lines = diffLines(before?.dtab ?? [], dtab);
  if (before !== null && !hasChanges(lines)) {
    terminal.out(`${namespace}: nothing to change`);
    return 0;
  }
  for (const line of lines) if (!line.startsWith("  ")) terminal.out(line);
  const written = isForced
    ? await target.put(namespace, dtab)
    : before === null
      ? await target.create(namespace, dtab)
      : await target.update(namespace, dtab, before.version);
  if (written.kind !== "done") throw new Error(problemOf(written, target.where));
  return 0;
}

function changesOf(before: Dtab, after: Dtab): string {
  const lines = diffLines(before, after);
  const added = lines.filter((line) => line.startsWith("+")).length;
  const removed = lines.filter((line) => line.startsWith("-")).length;
  return `+${added} -${removed}`;
}

const entries = (count: number): string => `${count} ${count === 1 ? "entry" : "entries"}`;
