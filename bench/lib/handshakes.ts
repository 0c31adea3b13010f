// Handshakes per second of servers with TLS, full and resumed, one after the other from one caller.
import type { Peer } from "../peers/peer.ts";
import { loadCore, runChild } from "./child.ts";
import { startProxy, type Bench } from "./measure.ts";
import { figure, median } from "./numbers.ts";
import type { Check } from "./report/report.ts";

const timesNginx = 0.8;
const [ours, theirs] = ["in:switchyard", "in:nginx"];

/** TLS 1.2, because s_time reads nothing after the handshake, where TLS 1.3 has its tickets. */
const kinds = { full: "-new", resumed: "-reuse" } as const;

/** `peers` has a row of switchyard and of nginx, both with TLS towards callers. */
export async function handshakeChecks(
  peers: readonly Peer[],
  bench: Pick<Bench, "isPinned" | "origins" | "seconds">,
  rounds: number,
): Promise<readonly Check[]> {
  const checks: Check[] = [];
  for (const [kind, option] of Object.entries(kinds)) {
    const rates = new Map<string, number[]>([ours, theirs].map((name) => [name, []]));
    for (let round = 0; round < rounds; round++) {
      for (const [name, found] of rates) {
        const peer = peers.find((each) => each.name === name);
        if (peer === undefined) throw new Error(`bug: no row ${name}`);
        found.push(await ratePerS(peer, bench, option));
      }
    }
    const [us = 0, nginx = 0] = Array.from(rates.values(), median);
    checks.push({
      name: `TLS handshakes, ${kind}: per second against nginx`,
      limit: `>= ${timesNginx}`,
      measured: `${figure(us / nginx)} (${figure(us)} against ${figure(nginx)})`,
      verdict: us / nginx >= timesNginx ? "pass" : "fail",
    });
  }
  return checks;
}

async function ratePerS(
  peer: Peer,
  bench: Pick<Bench, "isPinned" | "origins" | "seconds">,
  option: string,
): Promise<number> {
  const running = await startProxy(peer, bench);
  try {
    const seconds = String(bench.seconds);
    const to = ["s_time", "-connect", `127.0.0.1:${running.port}`, option, "-tls1_2"];
    const command = ["openssl", ...to, "-time", seconds];
    await runChild(command, bench.isPinned ? loadCore : null); // until the code is compiled
    const text = await runChild(command, bench.isPinned ? loadCore : null);
    const found = /(\d+) connections in (\d+) real seconds/.exec(text);
    if (found === null) throw new Error(`s_time of OpenSSL said: ${text.slice(-200)}`);
    return Number(found[1]) / Number(found[2]);
  } finally {
    await running.stop();
  }
}
