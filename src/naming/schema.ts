// Schema atoms for naming: folders, files and IP addresses.
import { statSync } from "node:fs";
import { resolve } from "node:path";
import * as v from "valibot";
import { lenient } from "../core/schema.ts";
import type { Correction } from "../core/schema.ts";

/**
 * Text that names a folder, relative to the working directory. It may be created later: files are often
 * checked on another machine than the one they are for.
 */
export const folder = () => lenient(awaited("folder"), entry("folder"));

/** The same for a file that is watched. */
export const watchedFile = () => lenient(awaited("file"), entry("file"));

const entry = (kind: "file" | "folder") =>
  v.pipe(
    v.string(`expected the path of a ${kind}`),
    v.nonEmpty(`expected the path of a ${kind}`),
    v.check(
      (text) => [kind, "missing"].includes(kindOf(text)),
      ({ input }) => `expected a ${kind}; ${resolve(input)} is a ${kindOf(input)}`,
    ),
  );

function awaited(kind: "file" | "folder") {
  return (value: unknown): Correction | null => {
    if (!isMissing(value)) return null;
    const at = resolve(String(value));
    return {
      readAs: value,
      warning: `there is no ${kind} ${at} yet: names resolve once it exists`,
    };
  };
}

function isMissing(value: unknown): boolean {
  return typeof value === "string" && value !== "" && kindOf(value) === "missing";
}

function kindOf(text: string): "file" | "folder" | "other" | "missing" {
  try {
    const found = statSync(text);
    if (found.isDirectory()) return "folder";
    return found.isFile() ? "file" : "other";
  } catch {
    return "missing"; // or unreachable, which makes no difference here
  }
}
