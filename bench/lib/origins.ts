// Starts the origin of a run on the load generator's core: nginx if installed, otherwise our own.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { untilHttpReady, freePorts, loadCore, pinned, startChild } from "./child.ts";
import { nginx, nginxOrigin } from "../peers/nginx.ts";
import { serviceName } from "../peers/peer.ts";

export interface RunningOrigin {
  readonly name: string;
  readonly ports: readonly number[];
  stop(): Promise<void>;
}

const endpointCount = 10;

/** Ten ports that respond with 64 bytes. */
export async function startCheapOrigin(isPinned: boolean): Promise<RunningOrigin> {
  const found = nginx.find();
  if ("missing" in found) return startOwnOrigin(isPinned, 0);
  const folder = mkdtempSync(path.join(tmpdir(), "switchyard-bench-origin-"));
  const ports = await freePorts(endpointCount);
  const child = startChild(nginxOrigin(folder, ports), isPinned ? loadCore : null);
  const stop = async (): Promise<void> => {
    await child.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await untilHttpReady(child, ports[0] ?? 0, serviceName);
  } catch (error) {
    await stop();
    throw error;
  }
  return { name: `nginx ${found.version}`, ports, stop };
}

/** The origin that can also stream and discard; see bench/lib/origin.ts. */
export function startOwnOrigin(isPinned: boolean, pauseMs: number): Promise<RunningOrigin> {
  const words = [String(endpointCount), String(pauseMs)];
  const script = new URL("../origin-process.js", import.meta.url);
  return startScript("bench/lib/origin.ts", script, words, isPinned);
}

/** Ten ports of a Thrift service. */
export function startThriftOrigin(isPinned: boolean): Promise<RunningOrigin> {
  const script = new URL("../thrift-origin-process.js", import.meta.url);
  return startScript("bench/lib/thrift-origin.ts", script, [String(endpointCount)], isPinned);
}

/** Ten ports of a mux service. */
export function startMuxOrigin(isPinned: boolean): Promise<RunningOrigin> {
  const script = new URL("../mux-origin-process.js", import.meta.url);
  return startScript("bench/lib/mux-origin.ts", script, [String(endpointCount)], isPinned);
}

/** One of our scripts that prints its ports. */
async function startScript(
  name: string,
  script: URL,
  words: readonly string[],
  isPinned: boolean,
): Promise<RunningOrigin> {
  const command = [process.execPath, fileURLToPath(script), ...words];
  const [program = "", ...args] = pinned(isPinned ? loadCore : null, command);
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  process.on("exit", () => child.kill("SIGKILL"));
  const [line] = (await once(child.stdout.setEncoding("utf8"), "data")) as [string];
  return {
    name,
    ports: line.trim().split(" ").map(Number),
    stop: async () => {
      const gone = once(child, "exit");
      child.kill();
      await gone;
    },
  };
}
