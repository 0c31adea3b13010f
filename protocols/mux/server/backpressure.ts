// Callers that do not read their responses: first no further call is read, then they are disconnected.
import type { Clock } from "../../../src/core/clock.ts";
import type { SocketLink } from "../../../src/net/socket-link.ts";
import { WriteStallWatch } from "../../../src/net/stalls.ts";
import type { MessageWriter } from "../message-writer.ts";
import type { ServerLimits } from "./settings.ts";

/** The share of `maxUnsentBytes` from which no further call is read. */
const congestedShare = 0.25;

/** Of one connection, which it asks to `disconnect` with a text for people. */
export class Backpressure {
  readonly #link: SocketLink;
  readonly #writer: MessageWriter;
  readonly #maxUnsentBytes: number;
  readonly #stallWatch: WriteStallWatch;
  readonly #disconnect: (why: string) => void;

  constructor(
    link: SocketLink,
    writer: MessageWriter,
    { maxUnsentBytes, stallTimeoutMs }: ServerLimits,
    clock: Clock,
    disconnect: (why: string) => void,
  ) {
    this.#link = link;
    this.#writer = writer;
    this.#maxUnsentBytes = maxUnsentBytes;
    this.#disconnect = disconnect;
    this.#stallWatch = new WriteStallWatch(link, clock, stallTimeoutMs, () =>
      disconnect(`it read nothing of its responses for ${stallTimeoutMs} ms`),
    );
  }

  /** Only while `drained` will come: nothing else resumes reading. */
  get isCongested(): boolean {
    if (!this.#isUnsent(this.#maxUnsentBytes * congestedShare)) return false;
    return this.#link.socket.writableNeedDrain;
  }

  /** A response was written. */
  wrote(): void {
    if (this.#writer.unsentBytes === 0) return;
    this.#stallWatch.wrote();
    if (!this.#isUnsent(this.#maxUnsentBytes)) return;
    const { unsentBytes } = this.#writer;
    this.#disconnect(`it does not read its responses: ${unsentBytes} bytes wait (maxUnsentKB)`);
  }

  close(): void {
    this.#stallWatch.close();
  }

  /** More than `bytes` were offered to the caller and not taken. */
  #isUnsent(bytes: number): boolean {
    if (this.#writer.unsentBytes <= bytes) return false;
    this.#writer.flush(); // what waits for the end of the tick was not offered yet
    return this.#writer.unsentBytes > bytes;
  }
}
