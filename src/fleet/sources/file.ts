// Instances from a file, one a line, that is read again when it changes:
//
//     # name   admin server
//     web      10.0.0.1:9990
//     10.0.0.2:9990
import { open } from "node:fs/promises";
import type { Clock, Close } from "../../core/clock.ts";
import { parseInstance } from "../../core/address.ts";
import type { Target } from "../scrape/follower.ts";
import type { Listing, Source } from "./source.ts";

const lookEveryMs = 1_000;
const maxFileBytes = 1024 * 1024;

/** Reads the file every second, since not every file system reports changes. */
export function fileSource(file: string, clock: Clock): Source {
  return {
    text: file,
    watch(changed) {
      let isClosed = false;
      let cancel: Close = () => {};
      let last: string | null = null;
      const look = async () => {
        const read = await readText(file);
        if (isClosed) return;
        const text = typeof read === "string" ? read : `\0${read.problem}`;
        if (text !== last) changed(typeof read === "string" ? listingOf(file, read) : read);
        last = text;
        cancel = clock.after(lookEveryMs, () => void look());
      };
      void look();
      return () => {
        isClosed = true;
        cancel();
      };
    },
  };
}

async function readText(file: string): Promise<string | Listing> {
  try {
    const handle = await open(file, "r");
    try {
      const { size } = await handle.stat();
      if (size > maxFileBytes) return unreadable(`${file} has more than ${maxFileBytes} bytes`);
      return await handle.readFile("utf8");
    } finally {
      await handle.close();
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return unreadable(code === "ENOENT" ? `there is no file ${file}` : `${file}: ${message}`);
  }
}

function unreadable(problem: string): Listing {
  return { targets: null, problem };
}

function listingOf(file: string, text: string): Listing {
  const targets: Target[] = [];
  const wrong: string[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const written = line.replace(/(^|\s)#.*$/, "").trim();
    if (written === "") continue;
    const listed = `${file}:${index + 1}`;
    const found = parseInstance(written);
    if (found === null) wrong.push(`${listed}: ${JSON.stringify(written.slice(0, 80))}`);
    else targets.push({ ...found, listed });
  }
  if (wrong.length === 0) return { targets, problem: null };
  const more = wrong.length > 3 ? ` and ${wrong.length - 3} more` : "";
  const problem = `expected NAME HOST:PORT or HOST:PORT: ${wrong.slice(0, 3).join(", ")}${more}`;
  return { targets, problem };
}
