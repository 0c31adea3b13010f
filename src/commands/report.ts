// How the check of a file is printed: errors first, then warnings, both labelled and counted.
import type { Config, Report, Warning } from "../config/check.ts";
import type { Terminal } from "./command.ts";

/** The check of one file; `config` is null when there is an error. */
export interface FileCheck {
  /** The file as the user named it. */
  readonly file: string;
  readonly config: Config | null;
  readonly errors: readonly Unplaced<Report>[];
  readonly warnings: readonly Warning[];
}

/** null: the report concerns the file as a whole, for example that it cannot be read. */
type Unplaced<R extends Report> = Omit<R, "line" | "column"> & {
  readonly line: number | null;
  readonly column: number | null;
};

/** Turns the warnings that `isError` selects into errors. */
export function promote(check: FileCheck, isError: (warning: Warning) => boolean): FileCheck {
  const promoted = check.warnings.filter(isError);
  if (promoted.length === 0) return check;
  const errors = [...check.errors, ...promoted].toSorted(
    (a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0),
  );
  const warnings = check.warnings.filter((warning) => !isError(warning));
  return { ...check, config: null, errors, warnings };
}

/** Prints to standard error. */
export function printReports({ file, errors, warnings }: FileCheck, terminal: Terminal): void {
  const print = (label: Label, { line, column, path, message }: Unplaced<Report>) => {
    const place = line === null ? "" : `:${line}:${column}`;
    const where = path === "" ? "" : ` ${path}`;
    terminal.error(`${coloured(label, terminal)} ${file}${place}${where}: ${message}`);
  };
  for (const error of errors) print("error:", error);
  for (const warning of warnings) print("warning:", warning);
}

/** Such as `2 errors, 1 warning`; empty when there are none. */
export function summaryOf({ errors, warnings }: FileCheck): string {
  const counts = [counted(errors.length, "error"), counted(warnings.length, "warning")];
  return counts.filter((text) => text !== "").join(", ");
}

/** One JSON object, for programs. */
export function jsonOf({ file, config, errors, warnings }: FileCheck): string {
  const fields = ({ line, column, path, message }: Unplaced<Report>) => {
    return { line, column, path, message };
  };
  const ok = config !== null;
  return JSON.stringify(
    { file, ok, errors: errors.map(fields), warnings: warnings.map(fields) },
    null,
    2,
  );
}

type Label = "error:" | "warning:";

const colours: Readonly<Record<Label, string>> = { "error:": "1;31", "warning:": "1;33" };

function coloured(label: Label, { hasErrorColor }: Terminal): string {
  return hasErrorColor ? `\u001b[${colours[label]}m${label}\u001b[0m` : label;
}

function counted(count: number, what: string): string {
  return count === 0 ? "" : `${count} ${what}${count === 1 ? "" : "s"}`;
}
