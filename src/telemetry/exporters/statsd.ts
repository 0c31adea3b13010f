// The StatsD exporter: metrics as UDP datagrams, aggregated in the process and sent at intervals.
//
//     telemetry:
//     - kind: io.l5d.statsd
//       hostname: 127.0.0.1
//       port: 8125
//       prefix: linkerd
//       gaugeIntervalMs: 10000
import type { Socket } from "node:dgram";
import * as v from "valibot";
import type { Close } from "../../core/clock.ts";
import { plugin } from "../../core/plugin.ts";
import { decimal, integer, port } from "../../core/schema.ts";
import { inChunks } from "../chunked-work.ts";
import { StatsdLines } from "./statsd-lines.ts";
import type { Telemeter, TelemeterDeps } from "../telemeter.ts";
import { metricsBelow } from "../metrics.ts";

const schema = v.strictObject({
  kind: v.literal("io.l5d.statsd"),
  prefix: v.optional(v.string("expected a prefix such as linkerd"), "linkerd"),
  hostname: v.optional(v.pipe(v.string("expected a host name"), v.nonEmpty()), "127.0.0.1"),
  port: v.optional(port(), 8125),
  gaugeIntervalMs: v.optional(integer(100), 10_000),
  // Linkerd sent single samples, and not all of them. Here all are aggregated, so that none is left out.
  sampleRate: v.optional(decimal(0, 1), 1),
});

/** What an Ethernet frame holds behind the headers of IPv6 and UDP: a datagram that is not fragmented. */
const maxDatagramBytes = 1_432;

type StatsdDeps = Pick<TelemeterDeps, "metrics" | "clock" | "log">;

export const statsd = plugin({
  kind: "io.l5d.statsd",
  schema,
  create: (config, deps: StatsdDeps): Telemeter => new StatsdSender(config, deps),
});

/** Owns one socket and one timer. Datagrams that cannot be sent are counted, never kept. */
class StatsdSender implements Telemeter {
  readonly pages = [];
  readonly #config: v.InferOutput<typeof schema>;
  readonly #deps: StatsdDeps;
  readonly #lines: StatsdLines;
  /** null: nothing was sent yet. */
  #socket: Socket | null = null;
  #cancel: Close;
  #isFailing = false;

  constructor(config: v.InferOutput<typeof schema>, deps: StatsdDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#lines = new StatsdLines(config.prefix);
    this.#cancel = deps.clock.after(config.gaugeIntervalMs, () => this.#tick());
  }

  async close(): Promise<void> {
    this.#cancel();
    await this.#send();
    await new Promise<void>((resolve) => this.#socket?.close(resolve));
  }

  /** Rounds never overlap: the next one is due an interval after the last one has ended. */
  #tick(): void {
    void this.#send().then(() => {
      this.#cancel = this.#deps.clock.after(this.#config.gaugeIntervalMs, () => this.#tick());
    });
  }

  async #open(): Promise<Socket> {
    const { createSocket } = await import("node:dgram"); // loaded only where StatsD is configured
    const socket = createSocket(this.#config.hostname.includes(":") ? "udp6" : "udp4").unref();
    return socket.on("error", (error) => this.#failed(error));
  }

  async #send(): Promise<void> {
    const socket = (this.#socket ??= await this.#open());
    const datagram: string[] = [];
    const sent: Promise<void>[] = [];
    let bytes = 0;
    const flush = (): void => {
      if (datagram.length > 0) sent.push(this.#datagram(socket, datagram.join("\n")));
      datagram.length = bytes = 0;
    };
    await inChunks(metricsBelow(this.#deps.metrics, []), ({ name, metric }) => {
      for (const line of this.#lines.of(name, metric)) {
        if (bytes + line.length + 1 > maxDatagramBytes) flush();
        datagram.push(line); // ASCII: a character is a byte
        bytes += line.length + 1;
      }
    });
    this.#lines.endRound();
    flush();
    await Promise.all(sent); // a socket that closes earlier drops what it has not sent
  }

  #datagram(socket: Socket, text: string): Promise<void> {
    const { port: to, hostname } = this.#config;
    return new Promise((resolve) => {
      socket.send(text, to, hostname, (error) => {
        if (error !== null) this.#failed(error);
        else this.#isFailing = false;
        resolve();
      });
    });
  }

  /** Logged when it begins, not for each datagram. */
  #failed(error: Error): void {
    if (this.#isFailing) return;
    this.#isFailing = true;
    const { hostname, port: to } = this.#config;
    this.#deps.log.warn({
      event: "statsd cannot be reached",
      to: `${hostname}:${to}`,
      error: error.message,
      advice: "metrics of this time are lost; check hostname and port of io.l5d.statsd",
    });
  }
}
