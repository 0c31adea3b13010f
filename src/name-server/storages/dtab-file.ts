// The text of one namespace on disk: a comment with its version, then the dtab, one entry a line.
import { createHash } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { parseDtab, showDentry } from "../../core/names/dtab.ts";
import type { Parsed } from "../../core/names/parsed.ts";
import { countOf, versionOf } from "../counted-version.ts";
import type { VersionedDtab } from "../dtab-store.ts";

const header = /^# version (\d{1,19}) ([\da-f]{16})\r?\n/;

export function textOf({ dtab, version }: VersionedDtab): string {
  const entries = dtab.map((each) => `${showDentry(each)} ;\n`).join("");
  return `# version ${countOf(version)} ${digestOf(entries).toString("hex")}\n${entries}`;
}

/**
 * A text that was edited by hand does not fit the digest of its first line, or has no such line. Its digest
 * then becomes part of its version: whoever read the text before the edit cannot overwrite it unseen.
 */
export function readText(text: string): Parsed<VersionedDtab> {
  const parsed = parseDtab(text);
  if (!parsed.ok) return parsed;
  const [line = "", count = "0", digest = ""] = header.exec(text) ?? [];
  const actual = digestOf(text.slice(line.length));
  const counted = versionOf(BigInt(count));
  const version = actual.toString("hex") === digest ? counted : Buffer.concat([counted, actual]);
  return { ok: true, value: { dtab: parsed.value, version } };
}

function digestOf(entries: string): Buffer {
  return createHash("sha256").update(entries).digest().subarray(0, 8);
}

/** Whoever reads `path` meanwhile or later, also after a crash, sees the old text or the new one, whole. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const beside = `${path}.new`;
  const file = await open(beside, "w", 0o644);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(beside, path);
  await syncFolder(dirname(path));
}

export async function removeFile(path: string): Promise<void> {
  await rm(path, { force: true });
  await syncFolder(dirname(path));
}

/** A rename has reached the disk only when its folder has. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
