// Writes a head in one system call, past the bookkeeping that Node's streams do for each write.
//
// Most heads fit into the kernel's buffer and are gone when the call returns: there is nothing to
// queue, to call back or to count, and that is the larger part of what `socket.write` costs. The
// handle of a socket and the binding below are not documented; without them, and whenever the
// socket has anything to wait for, `socket.write` does the work. A test holds both to one behaviour.
import type { Socket } from "node:net";

interface WriteRequest {
  handle: Handle | null;
  oncomplete: (status: number) => void;
  /** As Node's own stream code expects them of a request. */
  async: boolean;
  bytes: number;
  buffer: null;
  writer: TextWriter | null;
}

interface Handle {
  /** Bytes that the kernel has not taken. */
  readonly writeQueueSize?: number;
  writeLatin1String(request: WriteRequest, text: string): number;
}

interface Binding {
  readonly WriteWrap: new () => WriteRequest;
  readonly streamBaseState: Int32Array;
  readonly kLastWriteWasAsync: number;
}

const binding = findBinding();

function findBinding(): Binding | null {
  try {
    const { binding: find } = process as unknown as { binding(name: string): Partial<Binding> };
    const { WriteWrap, streamBaseState, kLastWriteWasAsync } = find.call(process, "stream_wrap");
    if (WriteWrap === undefined || streamBaseState === undefined) return null;
    return kLastWriteWasAsync === undefined
      ? null
      : { WriteWrap, streamBaseState, kLastWriteWasAsync };
  } catch {
    return null; // not in this version of Node: works without
  }
}

/** Node uses a request only when a write must wait: one serves all writes until then. */
let spare: WriteRequest | null = null;

function newRequest({ WriteWrap }: Binding): WriteRequest {
  const request = new WriteWrap();
  request.handle = null;
  request.oncomplete = completed;
  request.async = false;
  request.bytes = 0;
  request.buffer = null;
  request.writer = null;
  return request;
}

/** Owned by whoever owns the socket. Texts are latin1: one character a byte. */
export class TextWriter {
  readonly #socket: Socket;
  readonly #isDirect: boolean;
  /** A direct write is in progress: later writes are queued in the socket, behind it. */
  #isWaiting = false;

  /** `isDirect` false: always by `socket.write`. */
  constructor(socket: Socket, isDirect = true) {
    this.#socket = socket;
    this.#isDirect = isDirect && binding !== null;
  }

  /** Bytes that are queued below Node's streams, which do not count them. */
  get waitingBytes(): number {
    if (!this.#isWaiting) return 0;
    return handleOf(this.#socket)?.writeQueueSize ?? 1;
  }

  write(text: string): void {
    const socket = this.#socket;
    const handle = this.#isDirect ? handleOf(socket) : null;
    if (handle === null || this.#isWaiting || socket.writableLength > 0 || binding === null) {
      socket.write(text, "latin1");
      return;
    }
    const request = (spare ??= newRequest(binding));
    // An error persists: `socket.write` meets it again and reports it as usual.
    if (handle.writeLatin1String(request, text) !== 0) socket.write(text, "latin1");
    else if (binding.streamBaseState[binding.kLastWriteWasAsync] !== 0) {
      this.#isWaiting = true;
      request.handle = handle;
      request.writer = this;
      spare = null; // it is in use until `completed`
    }
  }

  /** The rest of a text was sent, or dropped with its socket. */
  completed(): void {
    this.#isWaiting = false;
  }
}

function completed(this: WriteRequest): void {
  this.writer?.completed();
}

/** null while connecting, when closed, and where Node does not expose it. */
function handleOf(socket: Socket): Handle | null {
  if (socket.connecting) return null;
  const { _handle: handle } = socket as unknown as { _handle?: Partial<Handle> | null };
  return typeof handle?.writeLatin1String === "function" ? (handle as Handle) : null;
}
