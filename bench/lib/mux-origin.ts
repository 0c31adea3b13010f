// The mux service behind every proxy: responds to each call, except those that must stay in progress.
import { createServer, type AddressInfo, type Socket } from "node:net";
import {
  courtesy,
  frameReader,
  isHeld,
  replyFrame,
  tagOf,
  tdispatch,
  typeOf,
} from "./mux-frames.ts";

/** Listens on that many free loopback ports until it is stopped; stopping keeps connections open. */
export async function startMuxOrigin(
  count: number,
): Promise<{ readonly ports: number[]; stop(): void }> {
  const servers = Array.from({ length: count }, () =>
    createServer({ noDelay: true }, serve).listen(0, "127.0.0.1"),
  );
  await Promise.all(
    servers.map((server) => new Promise((resolve) => server.once("listening", resolve))),
  );
  return {
    ports: servers.map((server) => (server.address() as AddressInfo).port),
    stop: () => servers.forEach((server) => server.close()),
  };
}

function serve(socket: Socket): void {
  socket.on("error", () => socket.destroy());
  const read = frameReader((frame) => {
    if (typeOf(frame) !== tdispatch) {
      const response = courtesy(frame);
      if (response !== null) socket.write(response);
    } else if (!isHeld(frame)) {
      socket.write(replyFrame(tagOf(frame)));
    }
  });
  socket.on("data", (chunk) => {
    socket.cork();
    read(chunk);
    socket.uncork();
  });
}
