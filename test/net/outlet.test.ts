import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { test } from "node:test";
import { writeCopy } from "../../src/net/outlet.ts";

/** What a socket is to `writeCopy`: takes everything immediately, or nothing until it drains. */
class StubSocket extends EventEmitter {
  readonly written: Uint8Array[] = [];
  writableLength = 0;
  isSlow = false;

  write(bytes: Uint8Array): boolean {
    this.written.push(bytes);
    if (this.isSlow) this.writableLength += bytes.length;
    return !this.isSlow;
  }

  drain(): void {
    this.writableLength = 0;
    this.emit("drain");
  }

  get memories(): ArrayBufferLike[] {
    return this.written.map(({ buffer }) => buffer);
  }
}

function stub(isSlow: boolean): StubSocket & Socket {
  const socket = new StubSocket();
  socket.isSlow = isSlow;
  return socket as StubSocket & Socket;
}

const bytes = Buffer.alloc(1_000, "b");

test("texts and bytes go out in one write, in order", () => {
  const socket = stub(false);
  assert.equal(writeCopy(socket, Buffer.from("body"), "head:", ":tail"), true);
  assert.equal(Buffer.from(socket.written[0] ?? []).toString(), "head:body:tail");
  assert.equal(socket.written.length, 1);
});

test("what the kernel takes immediately leaves the buffer for the next write", () => {
  const socket = stub(false);
  for (let i = 0; i < 3; i++) writeCopy(socket, bytes, "", "");
  assert.equal(new Set(socket.memories).size, 1);
});

test("a waiting buffer is not reused until its socket has drained", () => {
  const [slow, other] = [stub(true), stub(true)];
  assert.equal(writeCopy(slow, bytes, "", ""), false);
  for (let i = 0; i < 3; i++) writeCopy(other, bytes, "", "");
  const [lent] = slow.memories;
  assert.ok(!other.memories.some((memory) => memory === lent));
  assert.equal(new Set(other.memories).size, 3);
  slow.drain();
  writeCopy(other, bytes, "", ""); // takes the buffer that was made before
  writeCopy(other, bytes, "", "");
  assert.equal(other.memories.at(-1), lent);
});

test("a socket that never drains keeps its buffer to itself", () => {
  const dead = stub(true);
  writeCopy(dead, bytes, "", "");
  const next = stub(true);
  for (let i = 0; i < 40; i++) {
    writeCopy(next, bytes, "", "");
    next.drain();
  }
  assert.ok(!next.memories.includes(dead.memories[0] as ArrayBufferLike));
});

test("bytes arrive whole at a reader that is slower than we write", async (t) => {
  const server = createServer().listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const reader = connect(port, "127.0.0.1");
  const [writer] = (await once(server, "connection")) as [Socket];
  t.after(() => reader.destroy());
  t.after(() => writer.destroy());
  const blocks = 200;
  const block = Buffer.alloc(64 * 1024);
  const send = async (): Promise<void> => {
    for (let i = 0; i < blocks; i++) {
      block.fill(i);
      if (!writeCopy(writer, block, "", "")) await once(writer, "drain");
    }
    writer.end();
  };
  const sent = send();
  let at = 0;
  for await (const chunk of reader as AsyncIterable<Buffer>) {
    for (let i = 0; i < chunk.length; i += 4_096) {
      assert.equal(chunk[i], Math.floor((at + i) / block.length) % 256, `byte ${at + i}`);
    }
    at += chunk.length;
    await new Promise((resolve) => setImmediate(resolve));
  }
  await sent;
  assert.equal(at, blocks * block.length);
});
