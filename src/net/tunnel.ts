// Two links joined into one pipe: bytes both ways, half-close, back-pressure, idle time.
import type { Clock } from "../core/clock.ts";
import { Alarm } from "./alarm.ts";
import type { SocketLink, Receiver } from "./socket-link.ts";
import { writeCopy } from "./outlet.ts";

export interface TunnelOptions {
  readonly clock: Clock;
  /** Closed when neither side sent a byte for this long. */
  readonly idleTimeMs: number;
  /** Called once, when both sockets are gone. */
  readonly closed: () => void;
}

/** Takes over both links. `close` destroys both sockets. */
export interface OpenTunnel {
  close(): void;
  /** Bytes received from each side. */
  readonly bytesFromA: number;
  readonly bytesFromB: number;
}

export function openTunnel(a: SocketLink, b: SocketLink, options: TunnelOptions): OpenTunnel {
  const tunnel = new Tunnel(a, b, options);
  return tunnel;
}

class Tunnel implements OpenTunnel {
  bytesFromA = 0;
  bytesFromB = 0;
  readonly #a: SocketLink;
  readonly #b: SocketLink;
  readonly #options: TunnelOptions;
  readonly #alarm: Alarm;
  #openSides = 2;

  constructor(a: SocketLink, b: SocketLink, options: TunnelOptions) {
    this.#a = a;
    this.#b = b;
    this.#options = options;
    this.#alarm = new Alarm(options.clock, () => this.close());
    a.receiver = this.#side(a, b, (count) => (this.bytesFromA += count));
    b.receiver = this.#side(b, a, (count) => (this.bytesFromB += count));
    this.#touch();
    // Resumes what was paused while it still was a message.
    a.socket.resume();
    b.socket.resume();
    if (a.socket.destroyed || b.socket.destroyed) this.close();
  }

  close(): void {
    this.#a.socket.destroy();
    this.#b.socket.destroy();
  }

  #side(from: SocketLink, to: SocketLink, count: (bytes: number) => void): Receiver {
    return {
      received: (buffer, length) => {
        count(length);
        this.#touch();
        if (!writeCopy(to.socket, buffer.subarray(0, length), "", "")) from.socket.pause();
      },
      ended: () => void to.socket.end(),
      drained: () => void to.socket.resume(),
      closed: (error) => this.#closed(to, error),
    };
  }

  #touch(): void {
    const { clock, idleTimeMs } = this.#options;
    if (idleTimeMs !== Infinity) this.#alarm.set(clock.nowMs() + idleTimeMs);
  }

  #closed(other: SocketLink, error: Error | null): void {
    // Nothing can be sent to this side any more; what it sent is still delivered to the other.
    if (error === null) other.socket.destroySoon();
    else other.socket.destroy();
    if (--this.#openSides > 0) return;
    this.#alarm.close();
    this.#options.closed();
  }
}
