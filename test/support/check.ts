// The check of a configuration with its reports as lines, `file:line:column path: message`.
import { checkText } from "../../src/config/check.ts";
import type { Config, Report } from "../../src/config/check.ts";
import type { Kinds } from "../../src/config/kinds.ts";

export type CheckedLines =
  | { readonly ok: true; readonly config: Config; readonly warnings: readonly string[] }
  | {
      readonly ok: false;
      readonly problems: readonly string[];
      readonly warnings: readonly string[];
    };

export function checkConfig(text: string, fileName: string, kinds: Kinds): CheckedLines {
  const checked = checkText(text, kinds, fileName);
  const lineOf = ({ line, column, path, message }: Report) =>
    `${fileName}:${line}:${column}${path === "" ? "" : ` ${path}`}: ${message}`;
  const warnings = checked.warnings.map(lineOf);
  if (checked.ok) return { ok: true, config: checked.config, warnings };
  return { ok: false, problems: checked.errors.map(lineOf), warnings };
}
