// Opens logs, finds out what they are made of, and follows them as they grow and are rotated.
import { open, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { AvroLog } from "./avro-log.ts";
import { UnreadableLog } from "./logged-call.ts";
import type { LoggedCall, LogReader, ReadAt } from "./logged-call.ts";
import { TextLog } from "./text-log.ts";

const lookEveryMs = 200;

export interface LogEvents {
  /** In the order of the file. */
  calls(calls: readonly LoggedCall[]): void;
  remark(text: string): void;
}

/** Reads the file once. Throws `UnreadableLog`, or an error of the system. */
export async function readLog(path: string, events: LogEvents): Promise<void> {
  const file = await open(path, "r");
  try {
    const reader = await readerOf(file);
    if (reader !== null) await pass(reader, events);
    const remark = reader?.remark() ?? null;
    if (remark !== null) events.remark(remark);
  } finally {
    await file.close();
  }
}

/** Reads on, for ever. A file that is moved away is read to its end, then the next one of that name. */
export async function followLog(path: string, events: LogEvents): Promise<never> {
  for (;;) {
    const file = await openSoon(path);
    try {
      await followFile(path, file, events);
    } finally {
      await file.close();
    }
  }
}

/** Resolves when another file has its name, or it was emptied. */
async function followFile(path: string, file: FileHandle, events: LogEvents): Promise<void> {
  let reader: LogReader | null = null;
  for (let size = 0; ; await pause(lookEveryMs)) {
    const own = await file.stat();
    if (own.size < size) return;
    size = own.size;
    const named = await stat(path).catch(() => null); // before the last look at it
    reader ??= await readerOf(file);
    if (reader !== null) await pass(reader, events);
    if (named?.ino !== own.ino) return;
  }
}

async function openSoon(path: string): Promise<FileHandle> {
  for (;;) {
    try {
      return await open(path, "r");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      await pause(lookEveryMs);
    }
  }
}

async function pass(reader: LogReader, events: LogEvents): Promise<void> {
  for await (const calls of reader.calls()) events.calls(calls);
}

/** null: the file is empty. */
async function readerOf(file: FileHandle): Promise<LogReader | null> {
  if ((await file.stat()).isDirectory()) throw new UnreadableLog("it is a folder");
  const readAt: ReadAt = async (start, length) => {
    const bytes = Buffer.allocUnsafe(length);
    const { bytesRead } = await file.read(bytes, 0, length, start);
    return bytes.subarray(0, bytesRead);
  };
  const magic = (await readAt(0, 4)).toString("latin1");
  if (magic === "") return null;
  return magic === "Obj\u0001" ? new AvroLog(readAt) : new TextLog(readAt);
}
