// A port that listens and accepts nobody, its queue being full: connecting to it takes for ever.
import { once } from "node:events";
import { connect } from "node:net";
import type { TestContext } from "node:test";
import { Worker } from "node:worker_threads";

/** Listens, tells the port, and never comes back to its event loop to accept. */
const blocked = `
const { parentPort } = require("node:worker_threads");
const server = require("node:net").createServer();
server.listen(0, "127.0.0.1", 1, () => {
  parentPort.postMessage(server.address().port);
  setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
});`;

const queueLimit = 16;
const connectMs = 150;

/** null where the system queues whatever comes. */
export async function fullPort(t: TestContext): Promise<number | null> {
  const worker = new Worker(blocked, { eval: true });
  t.after(() => worker.terminate());
  const [port] = (await once(worker, "message")) as [number];
  for (let queued = 0; queued < queueLimit; queued++) {
    const socket = connect(port, "127.0.0.1");
    t.after(() => void socket.destroy());
    socket.on("error", () => {});
    const isQueued = await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), connectMs);
      socket.on("connect", () => {
        clearTimeout(timer);
        resolve(true);
      });
    });
    if (!isQueued) return port;
  }
  return null;
}
