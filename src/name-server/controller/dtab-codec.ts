// The media types of dtabs in Linkerd's HTTP API, and what is read and written in each.
import { parsePrefix, parseDtab, showDtab, showPrefix } from "../../core/names/dtab.ts";
import type { Dentry, Dtab } from "../../core/names/dtab.ts";
import { parseTree, showTree } from "../../core/names/nametree.ts";

interface DtabCodec {
  write(dtab: Dtab): string;
  /** A string says what is wrong with the text. */
  read(text: string): Dtab | string;
}

const json: DtabCodec = {
  write: (dtab) => JSON.stringify(dtabJson(dtab)),
  read: fromJson,
};

const text: DtabCodec = {
  write: showDtab,
  read: (given) => {
    const parsed = parseDtab(given);
    return parsed.ok ? parsed.value : parsed.error.message;
  },
};

const codecs: Readonly<Record<string, DtabCodec>> = {
  "application/json": json,
  "application/dtab": text,
  "text/plain": text,
};

/** undefined: none of them. */
export function codecOf(contentType: string | undefined): DtabCodec | undefined {
  const mediaType = (contentType ?? "").split(";")[0]!.trim().toLowerCase();
  return Object.hasOwn(codecs, mediaType) ? codecs[mediaType] : undefined;
}

/** The first that the caller lists and that is known; JSON when there is none. */
export function accepted(accept: string | undefined): { mediaType: string; codec: DtabCodec } {
  for (const range of (accept ?? "").split(",")) {
    const mediaType = range.split(";")[0]!.trim().toLowerCase();
    const codec = codecOf(mediaType);
    if (codec !== undefined) return { mediaType, codec };
  }
  return { mediaType: "application/json", codec: json };
}

function dtabJson(dtab: Dtab): readonly { prefix: string; dst: string }[] {
  return dtab.map(({ prefix, dst }) => ({ prefix: showPrefix(prefix), dst: showTree(dst) }));
}

function fromJson(given: string): Dtab | string {
  let list: unknown;
  try {
    list = JSON.parse(given);
  } catch (error) {
    return `the dtab is not JSON: ${(error as Error).message}`;
  }
  if (!Array.isArray(list))
    return 'expected a list such as [{"prefix": "/svc", "dst": "/#/io.l5d.fs"}]';
  const dentries: Dentry[] = [];
  for (const [i, each] of (list as readonly unknown[]).entries()) {
    const dentry = dentryOf(each);
    if (typeof dentry === "string") return `entry ${i + 1} of the dtab: ${dentry}`;
    dentries.push(dentry);
  }
  return dentries;
}

function dentryOf(value: unknown): Dentry | string {
  if (typeof value !== "object" || value === null) return "expected an object with prefix and dst";
  const { prefix, dst } = value as { readonly prefix?: unknown; readonly dst?: unknown };
  if (typeof prefix !== "string" || typeof dst !== "string")
    return "expected the texts prefix and dst";
  const left = parsePrefix(prefix);
  if (!left.ok) return left.error.message;
  const right = parseTree(dst);
  return right.ok ? { prefix: left.value, dst: right.value } : right.error.message;
}
