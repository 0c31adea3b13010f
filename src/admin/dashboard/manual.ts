// The manual, for /help: the pages of docs/, which the package brings along. Read from the disk when asked for.
import { readdir, readFile } from "node:fs/promises";
import { errorResponse, json, type AdminResponse } from "../page.ts";
import type { ManualPage } from "./shapes.ts";

/** From dist/src/admin/dashboard. */
const folder = new URL("../../../../docs/", import.meta.url);

/** `name` without its ending; null: the first. An unknown name is 404, which lists the others. */
export async function manual(name: string | null): Promise<AdminResponse> {
  const names = await pageNames();
  const wanted = name ?? "dashboard";
  if (!names.includes(wanted)) {
    return errorResponse(404, `the manual has no page of that name; it has ${names.join(", ")}`);
  }
  const page: ManualPage = { names, name: wanted, text: await textOf(wanted) };
  return json(page);
}

async function pageNames(): Promise<readonly string[]> {
  try {
    const files = await readdir(folder);
    return files
      .filter((file) => file.endsWith(".md"))
      .map((file) => file.slice(0, -".md".length))
      .sort();
  } catch {
    return []; // whoever installed it left the manual out
  }
}

function textOf(name: string): Promise<string> {
  return readFile(new URL(`${name}.md`, folder), "utf8");
}
