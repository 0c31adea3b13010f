// A whole proxy in the test's process: from a YAML text, on real sockets.
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { startProxy as start } from "../../src/assemble.ts";
import type { RunningProxy } from "../../src/assemble.ts";
import { checkConfig } from "./check.ts";
import type { Config } from "../../src/config/config.ts";
import { kinds } from "../../src/plugins.ts";
import { openLogs } from "../../src/telemetry/log.ts";
import {
  assertNoMemoryHeld,
  assertNoPendingCalls,
  assertNothingLeft,
  assertNoWatchesLeft,
  countingClock,
  portsOf,
} from "./leaks.ts";

export interface TestProxy {
  /** Of the first server of the first router. */
  readonly port: number;
  readonly adminPort: number;
  /** Of the first server of the router with that label. */
  portOf(label: string): number;
  /** A page of the admin server, as text. */
  admin(path: string): Promise<string>;
  /** One metric of the admin's flat JSON; 0 when it is not there. Port 0 in it: the server's. */
  metric(name: string): Promise<number>;
  /** The events logged so far. */
  readonly events: readonly Readonly<Record<string, unknown>>[];
  readonly running: RunningProxy;
  /** As at shutdown; the test's end does it with no grace. */
  close(graceMs: number): Promise<void>;
}

function configOf(yaml: string): Config {
  const checked = checkConfig(yaml, "test.yaml", kinds);
  if (!checked.ok) assert.fail(checked.problems.join("\n"));
  return checked.config;
}

/** In this process, of all tests. */
let openProxies = 0;

/**
 * Starts what the YAML says; `admin` gets a free port unless the text says otherwise. At the test's
 * end all calls must have ended, and the closed proxy must have left nothing behind.
 */
export async function startProxy(
  t: TestContext,
  yaml: string,
  configFile: string | null = null,
): Promise<TestProxy> {
  const indent = /^\n*( *)/.exec(yaml)?.[1] ?? "";
  const text = /^ *admin:/m.test(yaml) ? yaml : `${indent}admin: { port: 0 }\n${yaml}`;
  const events: Record<string, unknown>[] = [];
  const sink = {
    write: (line: string) => void events.push(JSON.parse(line) as Record<string, unknown>),
    flush: () => Promise.resolve(),
  };
  const clock = countingClock();
  const running = await start(configOf(text), {
    clock,
    random: Math.random,
    logs: openLogs(sink, "DEBUG"),
    configFile,
    notReady: () => null,
    shutdown() {},
  });
  openProxies++;
  let isClosed = false;
  const close = async (graceMs: number) => {
    isClosed = true;
    const ports = portsOf(running);
    await running.close(graceMs);
    openProxies--;
    await assertNothingLeft(running, ports, clock);
    if (openProxies > 0) return;
    await assertNoWatchesLeft();
    await assertNoMemoryHeld();
  };
  t.after(async () => {
    if (isClosed) return;
    try {
      await assertNoPendingCalls(running);
    } finally {
      await close(0);
    }
  });
  const adminPort = running.admin.port;
  const portOf = (label: string): number => {
    const port = running.routers.find((router) => router.label === label)?.listeners[0]?.port;
    if (port === undefined) assert.fail(`no router ${label}`);
    return port;
  };
  const admin = async (path: string): Promise<string> => {
    const answer = await fetch(`http://127.0.0.1:${adminPort}${path}`);
    return answer.text();
  };
  return {
    port: running.routers[0]?.listeners[0]?.port ?? 0,
    adminPort,
    portOf,
    admin,
    async metric(name) {
      const metrics = JSON.parse(await admin("/admin/metrics.json")) as Record<string, number>;
      const known = name.replace(
        /^rt\/([^/]+)\/server\/127\.0\.0\.1\/0(?=\/)/,
        (_, label: string) => `rt/${label}/server/127.0.0.1/${portOf(label)}`,
      );
      return metrics[known] ?? 0;
    },
    events,
    running,
    close,
  };
}
