// Dtabs in Finagle's HTTP headers: `dtab-local`, and the older pairs `x-dtab-NN-a`, `x-dtab-NN-b`.
import { concat, emptyDtab, parseDtab, parsePrefix } from "./names/dtab.ts";
import type { Dtab } from "./names/dtab.ts";
import { parseTree } from "./names/nametree.ts";
import type { Parsed } from "./names/parsed.ts";

/**
 * The dtab that a message carries, `x-dtab` entries first. Names in any case; several
 * `dtab-local` fields, and several dtabs in one field parted by commas, follow each other.
 * An error names the field; its offset is within the field's value.
 */
export function readDtabHeaders(
  headers: Iterable<readonly [name: string, value: string]>,
): Parsed<Dtab> {
  const paired: [name: string, value: string][] = [];
  let local: Dtab = emptyDtab;
  for (const [anyCase, value] of headers) {
    const name = anyCase.toLowerCase();
    if (name.startsWith("x-dtab-")) paired.push([name, value]);
    if (name !== "dtab-local") continue;
    const parsed = readLocal(value);
    if (!parsed.ok) return parsed;
    local = concat(local, parsed.value);
  }
  const legacy = readPairs(paired);
  return legacy.ok ? { ok: true, value: concat(legacy.value, local) } : legacy;
}

function readLocal(value: string): Parsed<Dtab> {
  let all: Dtab = emptyDtab;
  let offset = 0;
  for (const text of value.split(",")) {
    const parsed = parseDtab(text);
    if (!parsed.ok) return inField("dtab-local", parsed, offset);
    all = concat(all, parsed.value);
    offset += text.length + 1;
  }
  return { ok: true, value: all };
}

function readPairs(fields: readonly [name: string, value: string][]): Parsed<Dtab> {
  const sorted = [...fields].sort(([a], [b]) => (a < b ? -1 : 1));
  const dentries: Dtab[number][] = [];
  for (let i = 0; i < sorted.length; i += 2) {
    const [prefixName, prefixValue] = sorted[i] ?? ["", ""];
    const [dstName, dstValue] = sorted[i + 1] ?? ["", ""];
    if (!prefixName.endsWith("a") || dstName !== `${prefixName.slice(0, -1)}b`) {
      return failed(`${prefixName} has no partner: each x-dtab-NN-a needs an x-dtab-NN-b`);
    }
    const prefixText = fromBase64(prefixValue);
    if (prefixText === null) return failed(`${prefixName} is not base64`);
    const prefix = parsePrefix(prefixText);
    if (!prefix.ok) return inField(prefixName, prefix, 0);
    const dstText = fromBase64(dstValue);
    if (dstText === null) return failed(`${dstName} is not base64`);
    const dst = parseTree(dstText);
    if (!dst.ok) return inField(dstName, dst, 0);
    dentries.push({ prefix: prefix.value, dst: dst.value });
  }
  return { ok: true, value: dentries };
}

/** One character a byte; null when it is not base64 (RFC 4648 section 4, padding required). */
function fromBase64(text: string): string | null {
  return text.length % 4 === 0 && /^[0-9A-Za-z+/]+={0,2}$/.test(text) ? atob(text) : null;
}

function failed(message: string): Parsed<never> {
  return { ok: false, error: { message, offset: 0, line: 1, column: 1 } };
}

function inField(
  name: string,
  { error }: { readonly error: { readonly message: string; readonly offset: number } },
  offset: number,
): Parsed<never> {
  const at = offset + error.offset;
  return {
    ok: false,
    error: { message: `${name}: ${error.message}`, offset: at, line: 1, column: at + 1 },
  };
}
