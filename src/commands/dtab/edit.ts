// A text in the user's editor.
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What the user made of it. Throws when the editor fails. */
export async function edited(name: string, text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "switchyard-"));
  const file = join(folder, `${name}.dtab`);
  try {
    await writeFile(file, text);
    await edit(file);
    return await readFile(file, "utf8");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function edit(file: string): Promise<void> {
  const editor = process.env["VISUAL"] || process.env["EDITOR"] || "vi";
  return new Promise((resolve, reject) => {
    // As git does: the variable may hold arguments.
    const child = spawn("sh", ["-c", `${editor} "$1"`, "sh", file], { stdio: "inherit" });
    child.once("error", reject);
    child.once("exit", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`the editor '${editor}' ended with ${code}: nothing was written`));
    });
  });
}
