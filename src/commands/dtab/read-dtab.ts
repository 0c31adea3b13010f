// A dtab that people wrote.
import { parseDtab } from "../../core/names/dtab.ts";
import type { Dtab } from "../../core/names/dtab.ts";

/** The dtab in a text; throws with the place of the mistake. */
export function dtabIn(text: string, name: string): Dtab {
  const parsed = parseDtab(text);
  if (parsed.ok) return parsed.value;
  const { line, column, message } = parsed.error;
  throw new Error(`${name}:${line}:${column}: ${message}`);
}
