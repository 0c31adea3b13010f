// The demo from outside, as a person starts it: the self-check, Ctrl-C, wrong arguments.
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { protocols } from "../../demo/via.ts";

const main = fileURLToPath(new URL("../../demo/main.js", import.meta.url));

interface Running {
  readonly process: ChildProcess;
  /** All it has printed so far, stdout and stderr. */
  printed(): string;
  /** Resolves when `text` was printed, or the process ended. */
  until(text: string): Promise<void>;
  readonly exitCode: Promise<number | null>;
}

function start(t: TestContext, ...args: readonly string[]): Running {
  const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let printed = "";
  let onText: (() => void) | null = null;
  const exitCode = new Promise<number | null>((resolve) => child.once("close", resolve));
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
      onText?.();
    });
  }
  t.after(async () => {
    child.kill("SIGTERM"); // the demo ends its children; without effect when it has ended
    await exitCode;
  });
  return {
    process: child,
    printed: () => printed,
    exitCode,
    async until(text) {
      const seen = new Promise<void>((resolve) => {
        onText = () => (printed.includes(text) ? resolve() : undefined);
        onText();
      });
      await Promise.race([seen, exitCode]);
    },
  };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test("the self-check converts through all sidecars, survives the loss of a rate provider, and succeeds", async (t) => {
  const demo = start(t, "--self-check");
  const exitCode = await demo.exitCode;
  const printed = demo.printed();
  assert.equal(exitCode, 0, printed);
  assert.doesNotMatch(printed, /FAILED/);
  assert.match(printed, /12\.50 USD = 12\.03 EUR/);
  const over = protocols.map(
    (each) => `${each}: called .*: rates-1 \\d+, rates-2 \\d+, failed 0\\n +`,
  );
  assert.match(printed, new RegExp(`${over.join("")}250 GBP = 49163 JPY\n`));
  assert.match(printed, /converter: \/svc\/converter -> \/\$\/inet\/127/);
  assert.match(printed, /afterwards: rates-2 20, failed 0/);
  assert.match(printed, /all \d+ steps passed/);
  assert.match(printed, /^rates-\d was killed\.$/m);
  assert.doesNotMatch(printed, /unexpectedly/);
  assert.doesNotMatch(printed, /^\s*\{"level"/m); // no raw log
});

test("with --tls all sidecars speak mutual TLS, and renewing their certificates loses no call", async (t) => {
  const demo = start(t, "--tls", "--self-check");
  const exitCode = await demo.exitCode;
  const printed = demo.printed();
  assert.equal(exitCode, 0, printed);
  assert.doesNotMatch(printed, /FAILED/);
  assert.match(printed, /rates-1's sidecar: .*(certificate required|closed|reset)/i);
  const [, before, after] =
    /rates-1 presented (\w+), then (\w+); meanwhile: .* failed 0/.exec(printed) ?? [];
  assert.ok(before !== undefined && before !== after, printed);
  assert.match(printed, /all \d+ steps passed/);
});

test("Ctrl-C stops every process of the demo and removes its folder", async (t) => {
  const demo = start(t);
  await demo.until("Ctrl-C stops everything");
  const control = /http:\/\/\S+\/status/.exec(demo.printed())?.[0];
  assert.ok(control !== undefined, demo.printed());
  const status = (await (await fetch(control)).json()) as {
    folder: string;
    instances: { pids: { service: number; sidecar: number } }[];
  };
  const pids = status.instances.flatMap(({ pids: { service, sidecar } }) => [service, sidecar]);
  assert.equal(pids.length, 8);
  assert.ok(pids.every(isAlive));

  demo.process.kill("SIGINT");

  assert.equal(await demo.exitCode, 0, demo.printed());
  assert.deepEqual(pids.filter(isAlive), []);
  assert.equal(existsSync(status.folder), false);
});

test("an option that the demo does not know is an error of usage", async (t) => {
  const demo = start(t, "--prot", "8080");
  assert.equal(await demo.exitCode, 2);
  assert.match(demo.printed(), /Unknown option '--prot'[^]*usage: npm start/);
});

test("an invalid port is an error of usage", async (t) => {
  const demo = start(t, "--port", "70000");
  assert.equal(await demo.exitCode, 2);
  assert.match(demo.printed(), /--port: expected a port, 1\.\.65535, got "70000"/);
});
