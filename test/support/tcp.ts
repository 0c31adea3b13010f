// A service that speaks bytes, for answers that no HTTP library would give.
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import type { TestContext } from "node:test";

export interface TcpService {
  readonly port: number;
  /** Connections so far. */
  readonly connections: number;
  /** Destroys all open connections and goes on listening. */
  hangUp(): void;
}

/** `onRequest` gets what was read, as text, each time something was. */
export async function tcpService(
  t: TestContext,
  onRequest: (socket: Socket, text: string) => void,
): Promise<TcpService> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", (chunk) => onRequest(socket, chunk.toString("latin1")));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const hangUp = () => {
    for (const socket of sockets) socket.destroy();
  };
  t.after(() => {
    server.close();
    hangUp();
  });
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return connections;
    },
    hangUp,
  };
}
