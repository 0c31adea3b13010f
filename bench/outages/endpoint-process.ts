// One endpoint as a process: `endpoint-process.js PROTOCOL PORT`. Its parent says what it suffers from.
import { createServer, type Socket } from "node:net";
import { protocols, type ProtocolName } from "./wire.ts";

/** How it responds: after 2 ms, after 200 ms, with errors, or by breaking the connection. */
export type Mood = "good" | "slow" | "failing" | "resetting";

const [name, port] = process.argv.slice(2);
const protocol = protocols[name as ProtocolName];
const goodMs = 2;
const slowMs = 200;
/** Connections without a call are closed so long after SIGTERM, the rest when their call has ended. */
const lingerMs = 300;

let mood: Mood = "good";
let isEnding = false;
const calls = new Map<Socket, number>();

const server = createServer({ noDelay: true }, (socket) => {
  calls.set(socket, 0);
  socket.on("error", () => {});
  socket.on("close", () => calls.delete(socket));
  const read = protocol.reader((message) => {
    if (message.kind === "other" && message.response !== null) socket.write(message.response);
    if (message.kind !== "call") return;
    if (mood === "resetting") {
      socket.resetAndDestroy();
      return;
    }
    calls.set(socket, (calls.get(socket) ?? 0) + 1);
    const response = mood === "failing" ? message.error : message.good;
    setTimeout(() => respond(socket, response), mood === "slow" ? slowMs : goodMs);
  });
  socket.on("data", read);
});

function respond(socket: Socket, response: Buffer): void {
  if (socket.destroyed) return;
  socket.write(response);
  calls.set(socket, (calls.get(socket) ?? 1) - 1);
  if (isEnding && calls.get(socket) === 0 && protocol.drain === null) socket.end();
}

process.on("message", (said: Mood) => (mood = said));
process.on("disconnect", () => process.exit());
process.on("SIGTERM", () => {
  server.close();
  for (const socket of calls.keys()) if (protocol.drain !== null) socket.write(protocol.drain);
  setTimeout(() => {
    isEnding = true;
    for (const [socket, count] of calls) if (count === 0) socket.end();
    setTimeout(() => process.exit(), slowMs + lingerMs);
  }, lingerMs);
});

server.listen(Number(port), "127.0.0.1", () => {
  if (process.connected) process.send?.("listening");
});
