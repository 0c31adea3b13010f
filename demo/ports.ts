// Free ports that nothing else takes before their owner binds them: neither the system for an outgoing
// connection, nor another process that looks for ports here at the same time.
import { randomInt } from "node:crypto";
import { createServer, type Server } from "node:net";

// Below the range from which systems pick ports for outgoing connections.
const lowest = 20_000;
const highest = 31_999;
const host = "127.0.0.1";
/**
 * A port is reserved by listening on it at this address until the process ends, so owners must listen
 * on 127.0.0.1 rather than on all addresses. Where the address does not exist (only Linux has all of
 * 127/8), nothing is reserved.
 */
const claimHost = "127.0.0.2";

/** Reserves `count` free loopback ports until this process ends. Rejects when none are left. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const found: number[] = [];
  let port = randomInt(lowest, highest);
  for (let attempts = 0; found.length < count; attempts++) {
    if (attempts > highest - lowest) throw new Error(`no free ports in ${lowest}..${highest}`);
    if (await isClaimed(port)) found.push(port);
    port = port === highest ? lowest : port + 1;
  }
  return found;
}

/** Whether the port was free and is now reserved by this process. */
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

/** null: unavailable for a reason other than being taken. */
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
