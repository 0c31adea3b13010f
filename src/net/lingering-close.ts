// Closes a link without destroying the last response on its way to the peer.
import type { Socket } from "node:net";
import type { Clock } from "../core/clock.ts";
import { Alarm } from "./alarm.ts";
import type { SocketLink } from "./socket-link.ts";

export interface LingerOptions {
  readonly clock: Clock;
  /** Written bytes that make no progress for this long are abandoned. */
  readonly stallTimeoutMs: number;
  /** Called once, when the socket is gone. */
  readonly closed: () => void;
}

/** How long the peer may take to close after us. */
const lingerMs = 2_000;

/**
 * Takes over the link: sends FIN, then reads and discards what still arrives. A socket closed with
 * unread input sends a reset, and a reset overtakes the response.
 */
export function lingeringClose(link: SocketLink, options: LingerOptions): void {
  const { socket } = link;
  const { clock, stallTimeoutMs, closed } = options;
  let { unsentBytes } = link;
  const alarm = new Alarm(clock, () => {
    const before = unsentBytes;
    ({ unsentBytes } = link);
    if (unsentBytes > 0 && unsentBytes < before) rest();
    else socket.destroy();
  });
  const rest = () => alarm.set(clock.nowMs() + (unsentBytes > 0 ? stallTimeoutMs : lingerMs));
  link.receiver = {
    received() {},
    ended() {},
    drained() {},
    closed() {
      alarm.close();
      closed();
    },
  };
  if (socket.destroyed && socket.closed) return link.receiver.closed(null);
  socket.end();
  socket.resume();
  rest();
  return undefined;
}

/**
 * Sends `text` and a FIN, and closes two turns of the event loop later, whatever the peer does: the socket's
 * descriptor is needed. What the peer has sent by then is read, so that no reset overtakes the text.
 */
export function endSoon(socket: Socket, text: string): void {
  socket.resume();
  socket.end(text, "latin1", () => setImmediate(() => setImmediate(() => socket.destroy())));
}
