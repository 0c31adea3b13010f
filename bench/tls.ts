// `bench tls`: what TLS costs on kept connections, towards callers, towards endpoints, and on both sides.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { canPin, freePorts, loadCore, pinSelf, startChild, untilReady } from "./lib/child.ts";
import { findGenerator } from "./lib/generator.ts";
import { describeMachine, showMachine } from "./lib/machine.ts";
import { sampleProxy, type Bench } from "./lib/measure.ts";
import { figure } from "./lib/numbers.ts";
import { bodyBytes } from "./lib/origin.ts";
import { startCheapOrigin } from "./lib/origins.ts";
import { medianProcessorUs, showChecks, showRows } from "./lib/report/report.ts";
import type { Check, Row } from "./lib/report/report.ts";
import { checked, measureRows, save, say, warnOfNoise, type Contestant } from "./lib/run.ts";
import type { RunOptions } from "./options.ts";
import { handshakeChecks } from "./lib/handshakes.ts";
import { nginx } from "./peers/nginx.ts";
import { beforeRow } from "./peers/switchyard.ts";
import { benchCertificate, nginxTlsOrigin, tlsPeers, tlsSides } from "./peers/tls.ts";
import type { BenchCertificate } from "./peers/tls.ts";

const rowsOf = (side: string) =>
  ["switchyard", beforeRow, "nginx", "haproxy"].map((name) => `${side}:${name}`);

const handshakes = "handshakes";
/** Rows of the table, and extra parts that are not rows. */
export const tlsParts: readonly string[] = [...tlsSides.flatMap(rowsOf), handshakes];

const timesHaproxy = 1.25;
const endpointCount = 10;

/** Prints its progress; resolves to true when no check failed. */
export async function benchTls(options: RunOptions): Promise<boolean> {
  const machine = describeMachine();
  const isPinned = canPin();
  const folder = mkdtempSync(path.join(tmpdir(), "switchyard-bench-tls-"));
  const files = benchCertificate(folder);
  const generator = findGenerator(folder, isPinned);
  if (isPinned) pinSelf(loadCore);
  const [origin, secureOrigin] = [
    await startCheapOrigin(isPinned),
    await startSecureOrigin(files, folder, isPinned),
  ];
  try {
    const { connections, seconds, warmUpSeconds, rounds, command } = options;
    const shared = { generator, isPinned, connections, seconds, warmUpSeconds };
    const layout = `TLS 1.3, ECDSA P-256, kept connections; origin nginx, load from ${generator.name}.`;
    say(`${showMachine(machine)}\n${layout}`);
    warnOfNoise(machine.loadBefore);
    const contestants = tlsPeers(files).map((peer): Contestant => {
      const { ports } = peer.side === "in" ? origin : secureOrigin;
      const bench: Bench = { ...shared, origins: ports, isSecure: peer.side !== "out" };
      const found = "missing" in nginx.find() ? nginx.find() : peer.find();
      const [version, missing] = "missing" in found ? ["", found.missing] : [found.version, ""];
      const { name } = peer;
      return { name, version, missing, sample: () => sampleProxy(peer, bench), samples: [] };
    });
    const wanted = contestants.filter(({ name }) => options.only?.includes(name) ?? true);
    const rows = await measureRows(wanted, rounds);
    const checks = tlsSides.flatMap((side) => checkOf(rows, side));
    if (options.only?.includes(handshakes) ?? true) {
      const parts = { ...shared, origins: origin.ports };
      const measured = () => handshakeChecks(tlsPeers(files), parts, rounds);
      checks.push(...(await checked(handshakes, measured)));
    }
    say(`\n${rows.length > 0 ? showRows(rows) : ""}\n\n${showChecks(checks)}`);
    const date = new Date().toISOString();
    const about = { date, command, machine, layout, connections, seconds, rounds };
    save({ ...about, rows, checks }, "tls", options.json);
    return checks.every((check) => check.verdict !== "fail");
  } finally {
    await Promise.all([origin.stop(), secureOrigin.stop()]);
    rmSync(folder, { recursive: true, force: true });
  }
}

async function startSecureOrigin(files: BenchCertificate, folder: string, isPinned: boolean) {
  const ports = await freePorts(endpointCount);
  if ("missing" in nginx.find()) return { ports, stop: async () => {} };
  const place = mkdtempSync(path.join(folder, "origin-"));
  const command = nginxTlsOrigin(place, ports, files, "o".repeat(bodyBytes));
  const child = startChild(command, isPinned ? loadCore : null);
  await untilReady(child, async () => null);
  return { ports, stop: () => child.stop() };
}

function checkOf(rows: readonly Row[], side: string): Check[] {
  const us = (name: string) => {
    const row = rows.find((each) => each.name === `${side}:${name}` && each.samples.length > 0);
    return row === undefined ? null : medianProcessorUs(row);
  };
  const [ours, theirs] = [us("switchyard"), us("haproxy")];
  if (ours === null || theirs === null) return [];
  const times = ours / theirs;
  return [
    {
      name: `TLS ${side}: processor time per request against HAProxy`,
      limit: `<= ${timesHaproxy}`,
      measured: `${figure(times)} (${figure(ours)} against ${figure(theirs)} us)`,
      verdict: times <= timesHaproxy ? "pass" : "fail",
    },
  ];
}
