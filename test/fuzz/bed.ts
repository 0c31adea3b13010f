// A proxy with its endpoints and its well-behaved callers, and what can be done to it: one case at a time.
import { connect, type Socket } from "node:net";
import { Canaries } from "./canaries.ts";
import { send, seqidOf, type Case } from "./case.ts";
import { Endpoints } from "./endpoints.ts";
import { FuzzedProxy } from "./proxy.ts";
import type { Reading, Stall } from "./probe.ts";
import type { Target } from "./targets.ts";

/** What was seen that must not be. */
export interface Harm {
  readonly kind: "stall" | "death" | "canary" | "memory" | "leak";
  readonly what: string;
}

/** A case ends when nothing has come for so long, or after `patienceMs`. */
const quietMs = 4;
const patienceMs = 30;
/** Longer than the attempt timeout of a hostile endpoint, for responses that never end. */
const endpointPatienceMs = 60;
const mostLingering = 60;
/** Longer than calls without a response are waited for. */
const settleMs = 20_000;

/** Owns the process, the endpoints and all sockets. */
export class Bed {
  readonly proxy: FuzzedProxy;
  readonly canaries: Canaries;
  readonly #endpoints: Endpoints;
  readonly #lingering: Socket[] = [];

  /** Open when only well-behaved callers were there. */
  readonly firstFiles: number;
  /** The longest callback up to the last rest, in ms of processor time. */
  longestMs = 0;

  private constructor(
    proxy: FuzzedProxy,
    endpoints: Endpoints,
    canaries: Canaries,
    firstFiles: number,
  ) {
    this.proxy = proxy;
    this.firstFiles = firstFiles;
    this.canaries = canaries;
    this.#endpoints = endpoints;
  }

  /** `harmed` is called for every harm that shows by itself. */
  static async open(targets: readonly Target[], harmed: (harm: Harm) => void): Promise<Bed> {
    const endpoints = await Endpoints.open(targets);
    const proxy = await FuzzedProxy.start(yamlOf(targets, endpoints));
    const canaries = new Canaries(proxy, targets, (what) => harmed({ kind: "canary", what }));
    await canaries.round();
    const first = await proxy.read(); // what the start cost does not count
    proxy.onStall = (stall) => harmed({ kind: "stall", what: stallText(stall) });
    proxy.onDeath = () => {
      const what = `the process died: ${proxy.ending}\n${proxy.log.join("\n")}`;
      harmed({ kind: "death", what });
    };
    return new Bed(proxy, endpoints, canaries, first?.files ?? 0);
  }

  /** Resolves when the case is over, whatever became of it. */
  async run(each: Case): Promise<void> {
    const socket = connect({ port: this.proxy.portOf(each.target.name), host: "127.0.0.1" });
    socket.setNoDelay(true);
    socket.on("error", () => {});
    if (each.side === "caller") {
      send(socket, each);
      await isQuiet(socket, patienceMs);
    } else {
      this.#endpoints.cases.set(each.index, each);
      socket.write(each.target.call(`case-${each.index}-`, seqidOf(each.index)));
      await isQuiet(socket, endpointPatienceMs);
      this.#endpoints.cases.delete(each.index);
    }
    if (each.ending === "linger" && !socket.destroyed) this.#linger(socket);
    else socket.destroy();
  }

  /**
   * Reads the probe once hostile connections are gone and the proxy has noticed: when no more than
   * `files` are open, or after `settleMs`.
   */
  async rest(files: number): Promise<Reading | null> {
    for (const socket of this.#lingering.splice(0)) socket.destroy();
    this.#endpoints.hangUp();
    for (let waitedMs = 0; ; waitedMs += 500) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      const reading = await this.proxy.read();
      this.longestMs = Math.max(this.longestMs, reading?.longestMs ?? 0);
      if (reading === null || reading.files <= files || waitedMs >= settleMs) return reading;
    }
  }

  async close(): Promise<void> {
    this.canaries.close();
    for (const socket of this.#lingering) socket.destroy();
    await this.proxy.close();
    this.#endpoints.close();
  }

  #linger(socket: Socket): void {
    socket.resume();
    this.#lingering.push(socket);
    if (this.#lingering.length > mostLingering) this.#lingering.shift()?.destroy();
  }
}

function yamlOf(targets: readonly Target[], endpoints: Endpoints): string {
  const routers = targets.flatMap(({ name, yaml }) => {
    const ports = endpoints.ports.get(name);
    return yaml === null || ports === undefined ? [] : [yaml(ports)];
  });
  const none = "\n- protocol: http\n  label: http\n  servers: [{ port: 0 }]";
  return `admin: { port: 0 }\nrouters:${routers.length === 0 ? none : routers.join("")}\n`;
}

function stallText({ cpuMs, gcMs, resource, stacks }: Stall): string {
  return `one callback held the event loop for ${Math.round(cpuMs)} ms of processor time, of which garbage took ${Math.round(gcMs)} ms (${resource})${stacks.map((stack) => `\n  ${stack}`).join("")}`;
}

/** Resolves when the socket is closed, or has been read and is quiet, or after `mostMs`. */
function isQuiet(socket: Socket, mostMs: number): Promise<void> {
  return new Promise((resolve) => {
    const most = setTimeout(done, mostMs);
    let quiet: NodeJS.Timeout | undefined;
    function done(): void {
      clearTimeout(most);
      clearTimeout(quiet);
      resolve();
    }
    socket.on("data", () => {
      if (quiet === undefined) quiet = setTimeout(done, quietMs);
      else quiet.refresh();
    });
    socket.on("close", done);
  });
}
