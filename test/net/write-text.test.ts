import assert from "node:assert/strict";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { TextWriter } from "../../src/net/write-text.ts";

interface Pair {
  readonly writing: Socket;
  readonly reading: Socket;
}

async function pair(t: TestContext): Promise<Pair> {
  const server = createServer({ pauseOnConnect: true });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
  const writing = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const reading = await accepted;
  t.after(() => {
    writing.destroy();
    reading.destroy();
    server.close();
  });
  return { writing, reading };
}

/** All that comes until the other side ends. */
function all(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => (text += chunk));
    socket.on("end", () => resolve(text));
    socket.on("error", reject);
    socket.resume();
  });
}

for (const isDirect of [true, false]) {
  const way = isDirect ? "direct" : "by the stream";

  test(`${way}: a text arrives byte for byte, also before the connection is there`, async (t) => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const arrived = new Promise<string>((resolve) =>
      server.once("connection", (socket) => void all(socket).then(resolve)),
    );
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    const writer = new TextWriter(socket, isDirect);
    const bytes = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i));
    writer.write(bytes);
    await new Promise((resolve) => socket.once("connect", resolve));
    writer.write(bytes);
    socket.end();
    assert.equal(await arrived, bytes + bytes);
    t.after(() => server.close());
  });

  test(`${way}: texts and bytes keep their order when the reader is slow`, async (t) => {
    const { writing, reading } = await pair(t);
    await new Promise((resolve) => writing.once("connect", resolve));
    const writer = new TextWriter(writing, isDirect);
    let sent = "";
    // More than any kernel takes immediately: some of it has to wait, texts and bytes alike.
    for (let i = 0; i < 2_000; i++) {
      const text = `${i}:${"x".repeat(6_000)};`;
      sent += text;
      if (i % 3 === 2) writing.write(Buffer.from(text, "latin1"));
      else writer.write(text);
    }
    assert.ok(writing.writableLength > 0, "what waits is counted");
    writing.end();
    const received = await all(reading);
    assert.ok(received === sent, "all of it, in order");
  });

  test(`${way}: writing to a socket that broke fails that socket and nothing else`, async (t) => {
    const { writing, reading } = await pair(t);
    await new Promise((resolve) => writing.once("connect", resolve));
    const writer = new TextWriter(writing, isDirect);
    const closed = new Promise<void>((resolve) => writing.once("close", () => resolve()));
    writing.on("error", () => {});
    reading.resetAndDestroy();
    const keepWriting = () => {
      if (writing.destroyed) return;
      writer.write("hello");
      setImmediate(keepWriting);
    };
    keepWriting();
    await closed;
    writer.write("nobody hears this");
  });
}
