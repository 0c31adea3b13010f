// The dashboard's scripts and styles, as scripts/build-dashboard.mjs left them: names with hashes, each also
// compressed. Read from the disk for each request, so that nothing of them stays in memory.
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { AdminPage, AdminRequest, AdminResponse } from "../page.ts";
import { errorResponse } from "../page.ts";

/** From dist/src/admin/dashboard. */
const folder = new URL("../../../dashboard/", import.meta.url);

interface Manifest {
  readonly script: string;
  readonly style: string;
  /** All files, the above included. */
  readonly files: readonly string[];
}

let known: Manifest | null = null;

/** null: the dashboard has not been built. */
export function manifest(): Manifest | null {
  if (known !== null) return known;
  try {
    known = JSON.parse(readFileSync(new URL("manifest.json", folder), "utf8")) as Manifest;
  } catch {
    return null; // looked for again: somebody may build it meanwhile
  }
  return known;
}

export function assetPages(): readonly AdminPage[] {
  const files = manifest()?.files ?? [];
  return files.map((file) => ({
    path: `/dashboard/${file}`,
    category: "ui",
    isUnlisted: true,
    get: (request) => asset(file, request),
  }));
}

const types: Readonly<Record<string, string>> = {
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

async function asset(file: string, { headers }: AdminRequest): Promise<AdminResponse> {
  const tag = `"${file}"`;
  const contentType = types[file.split(".").at(-1) ?? ""] ?? "application/octet-stream";
  const cached = {
    etag: tag,
    vary: "accept-encoding",
    // The name says which version it is.
    "cache-control": "public, max-age=31536000, immutable",
  };
  if (isKnown(headers["if-none-match"], tag))
    return { status: 304, contentType, body: "", headers: cached };
  const isZipped = takesGzip(String(headers["accept-encoding"] ?? ""));
  try {
    const body = await readFile(new URL(isZipped ? `${file}.gz` : file, folder));
    const encoding = isZipped ? { "content-encoding": "gzip" } : {};
    return { status: 200, contentType, body, headers: { ...cached, ...encoding } };
  } catch {
    return errorResponse(404, `${file} has been built again meanwhile: load the page again`);
  }
}

/** RFC 9110 section 13.1.2: a list of tags, weak or not, or `*`. */
function isKnown(tags: string | undefined, tag: string): boolean {
  const listed = (tags ?? "").split(",").map((each) => each.trim().replace(/^W\//, ""));
  return listed.includes(tag) || listed[0] === "*";
}

/** RFC 9110 section 12.5.3: a quality of zero means not at all. */
function takesGzip(accepted: string): boolean {
  const quality = /\bgzip\b\s*(?:;\s*q=([\d.]+))?/i.exec(accepted);
  return quality !== null && Number(quality[1] ?? 1) > 0;
}
