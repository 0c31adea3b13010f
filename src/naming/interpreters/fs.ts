// Watches a dtab in a file, which comes before the router's own; later entries win.
//
//     interpreter:
//       kind: io.l5d.fs
//       dtabFile: ./routes.dtab   # may be created later
//
// A change applies immediately. A dtab that does not parse is logged, and the last good one stays.
import { resolve } from "node:path";
import * as v from "valibot";
import { concat, parseDtab, showDtab } from "../../core/names/dtab.ts";
import type { Dtab } from "../../core/names/dtab.ts";
import { failure } from "../../core/failure.ts";
import { failed, flatMap, ok, pending } from "../../core/live.ts";
import type { Live, State } from "../../core/live.ts";
import type {
  Interpreter,
  InterpreterDeps,
  InterpreterPlugin,
  SourceTrouble,
} from "../../core/naming.ts";
import { plugin } from "../../core/plugin.ts";
import { watchedFile } from "../schema.ts";
import { computed } from "../binding/tracker.ts";
import type { Tracker } from "../binding/tracker.ts";
import { Files } from "../fs/files.ts";
import type { FileText } from "../fs/files.ts";
import { localInterpreter } from "./default.ts";

const maxFileBytes = 10_000_000;

const schema = v.strictObject({ kind: v.literal("io.l5d.fs"), dtabFile: watchedFile() });

export const fsInterpreter: InterpreterPlugin = plugin({
  kind: "io.l5d.fs",
  schema,
  create(config, deps: InterpreterDeps): Interpreter {
    const disk = new Files(deps.clock, deps.log);
    const dtabFile = new DtabFile(resolve(config.dtabFile), disk, deps);
    // Always watched, so that a newly bound name need not wait for the file to be read.
    const unwatch = dtabFile.dtab.watch(() => {});
    const inner = localInterpreter(deps);
    return {
      bind: (dtab, path, local) =>
        flatMap(dtabFile.dtab, (written) => inner.bind(concat(written, dtab), path, local)),
      delegate: (dtab, path, options) =>
        flatMap(dtabFile.dtab, (written) => inner.delegate(concat(written, dtab), path, options)),
      watchState: () => dtabFile.report,
      troubles: () => dtabFile.troubles(),
      close() {
        unwatch();
        disk.close();
        inner.close();
      },
    };
  },
});

/** The dtab in a file. Keeps the last good one when the file turns bad or goes away. */
class DtabFile {
  readonly dtab: Live<Dtab>;
  readonly #path: string;
  readonly #deps: InterpreterDeps;
  #lastRead: FileText | null = null;
  #readAtMs = 0;
  #good: Dtab | null = null;
  #problem: string | null = null;

  constructor(path: string, disk: Files, deps: InterpreterDeps) {
    this.#path = path;
    this.#deps = deps;
    const text = disk.text(path, maxFileBytes);
    this.dtab = computed((tracker) => this.#state(text, tracker), Object.is);
  }

  get report(): Readonly<Record<string, unknown>> {
    return {
      dtabFile: this.#path,
      readAt: this.#lastRead === null ? null : new Date(this.#readAtMs).toISOString(),
      dtab: this.#good === null ? null : showDtab(this.#good),
      problem: this.#problem,
    };
  }

  troubles(): readonly SourceTrouble[] {
    const problem = this.#problem;
    if (problem === null) return [];
    const isLastGoodKept = this.#good !== null;
    return [
      {
        kind: "broken",
        source: this.#path,
        text: `${problem}; ${isLastGoodKept ? "the last good dtab is used" : "no name of the router resolves"}`,
        advice: "Put a good dtab there: it takes effect immediately.",
        forMs: this.#deps.clock.wallMs() - this.#readAtMs,
        isLastGoodKept,
      },
    ];
  }

  #state(text: Live<FileText>, tracker: Tracker): State<Dtab> {
    const read = tracker.read(text, "text", () => text);
    if (read.kind !== "ok") return pending;
    if (read.value !== this.#lastRead) this.#take(read.value);
    if (this.#good !== null) return ok(this.#good);
    return failed(failure("unresolved", this.#problem ?? `${this.#path} was not read`));
  }

  #take(read: FileText): void {
    this.#lastRead = read;
    this.#readAtMs = this.#deps.clock.wallMs();
    this.#problem = this.#problemOf(read);
    if (this.#problem === null) {
      const entries = this.#good?.length ?? 0;
      this.#deps.log.info({ event: "dtab read", file: this.#path, entries });
      return;
    }
    const kept = this.#good?.length ?? null;
    this.#deps.log.warn({ event: "bad dtab file", file: this.#path, problem: this.#problem, kept });
  }

  /** Keeps a good dtab; returns what is wrong with a bad one. */
  #problemOf(read: FileText): string | null {
    if (read.kind === "missing") return `the dtab file ${this.#path} does not exist`;
    if (read.kind === "unreadable") return read.problem;
    const parsed = parseDtab(read.text);
    if (!parsed.ok) {
      const { line, column, message } = parsed.error;
      return `${this.#path}:${line}:${column}: ${message}`;
    }
    this.#good = parsed.value;
    return null;
  }
}
