// The echo service on python3-thrift, in processes of their own.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { ProtocolName, TransportName } from "./thrift.ts";

/** From dist/test/support: neither folder is compiled. */
const scripts = fileURLToPath(new URL("../../../test/support/python/", import.meta.url));
const idl = fileURLToPath(new URL("../../../idl", import.meta.url));

interface PythonSpeech {
  readonly transport: TransportName | "header";
  readonly protocol: ProtocolName;
}

function run(python: string, script: string, words: readonly string[]): ChildProcess {
  // Nothing of a run stays in the checkout.
  const options = ["-B", `${scripts}${script}.py`, idl, ...words];
  return spawn(python, options, { stdio: ["ignore", "pipe", "inherit"] });
}

/** Resolves to its port; the test's end stops it. */
export async function pythonEchoServer(
  t: TestContext,
  python: string,
  { transport, protocol }: PythonSpeech,
): Promise<number> {
  const child = run(python, "echo_server", [transport, protocol]);
  t.after(async () => {
    if (child.exitCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  });
  if (child.stdout === null) throw new Error("bug: no pipe");
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  return Number(line);
}

/** What the client saw, by method. */
export interface PythonSeen {
  readonly exception?: { readonly type: number; readonly message: string };
  readonly [method: string]: unknown;
}

/** Calls all methods once. `service`: see the script. */
export async function pythonEchoClient(
  t: TestContext,
  python: string,
  { transport, protocol }: PythonSpeech,
  port: number,
  service = "-",
): Promise<PythonSeen> {
  const child = run(python, "echo_client", [transport, protocol, String(port), service]);
  t.after(() => void child.kill("SIGKILL"));
  let output = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (output += text));
  await once(child, "close");
  return JSON.parse(output) as PythonSeen;
}
