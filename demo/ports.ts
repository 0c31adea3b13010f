// Ports that are free now and that the system hands to nobody else in between.
import { randomInt } from "node:crypto";
import { createServer, type Server } from "node:net";

// Below the range from which systems take ports for outgoing connections: a port found here is
// not lost to somebody's outgoing call before its owner binds it.
const lowest = 20_000;
const highest = 31_999;

/** `count` different free loopback ports. Rejects when the whole range is taken. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const held: Server[] = [];
  const found: number[] = [];
  let port = randomInt(lowest, highest);
  for (let tried = 0; found.length < count; tried++) {
    if (tried > highest - lowest) throw new Error(`no free ports in ${lowest}..${highest}`);
    const server = await listenOn(port);
    if (server !== null) {
      held.push(server);
      found.push(port);
    }
    port = port === highest ? lowest : port + 1;
  }
  await Promise.all(held.map(closed));
  return found;
}

export async function isFree(port: number): Promise<boolean> {
  const server = await listenOn(port);
  if (server !== null) await closed(server);
  return server !== null;
}

function listenOn(port: number): Promise<Server | null> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(null));
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
