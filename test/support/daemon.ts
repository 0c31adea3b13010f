// A real server as a child process: started for a test, ready when it says so, killed at the test's end,
// and its folder deleted after that.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { deleteFolder } from "./folder.ts";
import type { TestFolder } from "./folder.ts";

const patienceMs = 20_000;

/**
 * Resolves when `isReady` does not reject any more; rejects with the last lines of the server's
 * output if it ends before. Deletes `folder` in the end.
 */
export async function startDaemon(
  t: TestContext,
  program: string,
  args: readonly string[],
  isReady: () => Promise<unknown>,
  folder: TestFolder,
): Promise<void> {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  const keep = (chunk: Buffer) => void (output = (output + chunk.toString()).slice(-4_000));
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  t.after(async () => {
    await ended(child);
    deleteFolder(folder);
  });
  const endMs = performance.now() + patienceMs;
  for (;;) {
    if (child.exitCode !== null) {
      throw new Error(`${program} ended with ${child.exitCode}:\n${output}`);
    }
    try {
      return void (await isReady());
    } catch (error) {
      if (performance.now() > endMs)
        throw new Error(`${program} never got ready:\n${output}`, { cause: error });
      await sleep(10);
    }
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await exited;
}
