// Schema atoms for naming: folders, files and IP addresses.
import { statSync } from "node:fs";
import { resolve } from "node:path";
import * as v from "valibot";
import { canonicalIp } from "./built-in/ip.ts";

/** Text that names a folder that exists; relative to the working directory. */
export const folder = () =>
  v.pipe(
    v.string("expected the path of a folder"),
    v.check(
      (text) => kindOf(text) === "folder",
      (issue) => missing(issue.input, "folder"),
    ),
  );

/** Text that names a file that exists; relative to the working directory. */
export const file = () =>
  v.pipe(
    v.string("expected the path of a file"),
    v.check(
      (text) => kindOf(text) === "file",
      (issue) => missing(issue.input, "file"),
    ),
  );

function kindOf(text: string): "file" | "folder" | "other" | "missing" {
  try {
    const found = statSync(text);
    if (found.isDirectory()) return "folder";
    return found.isFile() ? "file" : "other";
  } catch {
    return "missing"; // or unreachable, which makes no difference here
  }
}

function missing(text: string, wanted: "file" | "folder"): string {
  const kind = kindOf(text);
  const at = resolve(text);
  return kind === "missing"
    ? `expected an existing ${wanted}; there is no ${at}`
    : `expected a ${wanted}; ${at} is a ${kind}`;
}

/** Text that is an IP address; the output is its canonical text. */
export const ipAddress = () =>
  v.pipe(
    v.string("expected an IP address"),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const ip = canonicalIp(dataset.value);
      if (ip !== null) return ip;
      addIssue({ message: `expected an IP address, got '${dataset.value}'` });
      return NEVER;
    }),
  );
