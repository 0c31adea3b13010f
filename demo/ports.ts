// Ports that are free now and that nobody else gets before their owner binds them: not the system
// for an outgoing call, and not another process that looks for ports here at the same time.
import { randomInt } from "node:crypto";
import { createServer, type Server } from "node:net";

// Below the range from which systems take ports for outgoing connections.
const lowest = 20_000;
const highest = 31_999;
const host = "127.0.0.1";
/**
 * Who takes a port here listens on it there until its process ends: it is for owners that listen
 * on 127.0.0.1, not on all addresses. Where there is no such address (Linux has all of 127/8,
 * others do not) nothing is held.
 */
const claimHost = "127.0.0.2";

/** `count` different free loopback ports, this process's until it ends. Rejects when none are left. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const found: number[] = [];
  let port = randomInt(lowest, highest);
  for (let tried = 0; found.length < count; tried++) {
    if (tried > highest - lowest) throw new Error(`no free ports in ${lowest}..${highest}`);
    if (await isClaimed(port)) found.push(port);
    port = port === highest ? lowest : port + 1;
  }
  return found;
}

/** Whether it is free and now this process's. */
async function isClaimed(port: number): Promise<boolean> {
  const claim = await listenOn(port, claimHost);
  if (claim === "taken") return false;
  const isOurs = await isFree(port);
  if (isOurs) claim?.unref();
  else if (claim !== null) await closed(claim);
  return isOurs;
}

export async function isFree(port: number): Promise<boolean> {
  const server = await listenOn(port, host);
  if (server === "taken" || server === null) return false;
  await closed(server);
  return true;
}

/** null: not there, for another reason than that somebody has it. */
function listenOn(port: number, address: string): Promise<Server | "taken" | null> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", ({ code }: NodeJS.ErrnoException) =>
      resolve(code === "EADDRINUSE" ? "taken" : null),
    );
    server.listen(port, address, () => resolve(server));
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
