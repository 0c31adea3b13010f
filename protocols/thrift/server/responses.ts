// The responses of one connection, written in the order of the calls.
import type { SocketLink } from "../../../src/net/socket-link.ts";
import { bytesOf, RefusedCall } from "./call-queue.ts";
import type { CallQueue, QueuedCall } from "./call-queue.ts";
import type { DrainWatch } from "./drain-watch.ts";
import type { ServerSettings } from "./settings.ts";

/** Owned by the connection; takes calls out of its queue when they are over. */
export class Responses {
  /** A call that ends meanwhile is written in its turn. */
  isWriting = false;
  /** When the last call was over, or the connection opened, in `Clock.nowMs` time. */
  idleSinceMs: number;
  readonly #calls: CallQueue;
  readonly #drain: DrainWatch;
  readonly #link: SocketLink;
  readonly #settings: ServerSettings;

  constructor(calls: CallQueue, drain: DrainWatch, link: SocketLink, settings: ServerSettings) {
    this.#calls = calls;
    this.#drain = drain;
    this.#link = link;
    this.#settings = settings;
    this.idleSinceMs = settings.clock.nowMs();
  }

  /** Writes the responses that are ready, up to the first that is not. */
  write(): void {
    const isSeveral = this.#calls.first?.next?.hasEnded === true;
    if (isSeveral) this.#link.socket.cork();
    this.isWriting = true;
    for (let call = this.#calls.first; call?.hasEnded === true; call = this.#calls.first) {
      const bytes = bytesOf(call, this.#settings);
      call.sentBytes = bytes.length;
      this.#link.writeBytes(bytes);
      this.over(call);
    }
    this.isWriting = false;
    if (isSeveral) this.#link.socket.uncork();
  }

  /** The caller no longer reads responses. */
  drop(): void {
    for (let call = this.#calls.first; call?.hasEnded === true; call = this.#calls.first) {
      this.over(call);
    }
  }

  /** The response is written or dropped, or the one-way call has ended. */
  over(call: QueuedCall): void {
    const { clock, onCompleted } = this.#settings;
    const nowMs = clock.nowMs();
    this.idleSinceMs = nowMs;
    this.#calls.remove(call);
    if (!call.isOneway) this.#drain.responded(nowMs);
    if (call instanceof RefusedCall) return;
    call.endedMs = nowMs;
    onCompleted(call);
  }
}
