// The problems of one proxy on a terminal.
import type { Terminal } from "../command.ts";
import { printable } from "./printable.ts";

/** As much of `/problems.json` as is printed. */
export interface ProblemsPage {
  readonly problems: readonly {
    readonly severity: string;
    readonly text: string;
    readonly since: string;
    readonly where: { readonly file: string; readonly line: number } | null;
    readonly advice: string;
  }[];
  readonly more: number;
  readonly looked: readonly string[];
}

const colours: Readonly<Record<string, string>> = {
  critical: "\u001b[31m",
  warning: "\u001b[33m",
  notice: "\u001b[36m",
};

/** `isNamed`: there are several proxies. */
export function printProblems(
  admin: string,
  page: ProblemsPage,
  isNamed: boolean,
  terminal: Terminal,
): void {
  const { problems, more, looked } = page;
  if (isNamed) terminal.out(`${admin}:`);
  for (const { severity, text, since, where, advice } of problems) {
    const colour = terminal.hasColor ? (colours[severity] ?? "") : "";
    const label = colour === "" ? severity : `${colour}${severity}\u001b[0m`;
    const place = where === null ? "" : `${where.file}:${where.line}, `;
    terminal.out(`${label}: ${printable(text)}`);
    terminal.out(`  ${printable(place)}since ${since}`);
    terminal.out(`  ${printable(advice)}`);
  }
  if (more > 0) terminal.out(`and ${more} more`);
  if (problems.length === 0) terminal.out(`no problems; looked at ${looked.join(", ")}`);
}
