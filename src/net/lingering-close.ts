// Closes a link without taking the last answer from the peer.
import type { Clock } from "../core/clock.ts";
import { Alarm } from "./alarm.ts";
import type { SocketLink } from "./socket-link.ts";

export interface LingerOptions {
  readonly clock: Clock;
  /** What is written and does not go out for so long never will. */
  readonly stallTimeoutMs: number;
  /** Called once, when the socket is gone. */
  readonly closed: () => void;
}

/** How long a peer may take to close after we did. */
const lingerMs = 2_000;

/**
 * Takes the link: says that no more comes, and reads and throws away what still arrives. A socket
 * that is closed with input unread answers with a reset, and a reset overtakes the answer.
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
