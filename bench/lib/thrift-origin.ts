// The Thrift service behind every proxy: turns each call into its reply.
import { createServer, type AddressInfo, type Socket } from "node:net";
import { callFrame, replyTo } from "./thrift-frames.ts";

/** Listens on that many free loopback ports until the process ends. */
export async function startThriftOrigin(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () =>
    createServer({ noDelay: true }, serve).listen(0, "127.0.0.1"),
  );
  await Promise.all(
    servers.map((server) => new Promise((resolve) => server.once("listening", resolve))),
  );
  return servers.map((server) => (server.address() as AddressInfo).port);
}

/** Trusts its callers: all calls are as long as the bench's call. */
function serve(socket: Socket): void {
  let rest = Buffer.alloc(0);
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    for (; at + callFrame.length <= bytes.length; at += callFrame.length) {
      socket.write(replyTo(bytes.subarray(at, at + callFrame.length)));
    }
    rest = bytes.subarray(at);
  });
}
