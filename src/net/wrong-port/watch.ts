// Callers at the wrong port: recognized by their first bytes, they get a reply in their own protocol.
import type { Buffer } from "node:buffer";
import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import { lingeringClose } from "../lingering-close.ts";
import { peerInfo } from "../peer-info.ts";
import type { PeerInfo } from "../peer-info.ts";
import { replyTo } from "./replies.ts";
import type { Receiver, SocketLink } from "../socket-link.ts";

/** What a caller may speak. */
export type WireProtocol = "HTTP" | "HTTP/2" | "TLS" | "Thrift" | "mux";

export interface PortOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** What this port speaks, for detection and for texts. */
  readonly speaks: readonly WireProtocol[];
  /** For statistics and records; not called for what the protocol itself refuses. */
  readonly onWrongPort?: (peer: PeerInfo, problem: string) => void;
  /** Protocols that this one refuses in its own words: it is logged only. */
  readonly refuses?: readonly WireProtocol[];
}

/** How long a caller may take to read the reply and close. */
const stallTimeoutMs = 5_000;

/**
 * For the links of one listener, when they have their receiver: looks at the first bytes that come.
 * What is too short to tell, or is what the port speaks, is left to the receiver.
 */
export function wrongPortWatch(options: PortOptions): (link: SocketLink) => void {
  const { clock, speaks, refuses = [] } = options;
  return (link) => {
    const own = link.receiver;
    const received = (buffer: Buffer, length: number): void => {
      link.receiver = own;
      const protocol = protocolOf(buffer, length);
      if (protocol === null || speaks.includes(protocol)) return own.received(buffer, length);
      const text = warn(protocol, link, options);
      if (refuses.includes(protocol)) return own.received(buffer, length);
      options.onWrongPort?.(peerInfo(link.socket), text);
      const reply = replyTo(protocol, buffer.subarray(0, length), text);
      if (reply !== null) link.socket.write(reply);
      return lingeringClose(link, { clock, stallTimeoutMs, closed: () => own.closed(null) });
    };
    link.receiver = new FirstBytes(own, received);
  };
}

/** Stands in for the receiver until bytes come. */
class FirstBytes implements Receiver {
  readonly #own: Receiver;
  readonly received: Receiver["received"];

  constructor(own: Receiver, received: Receiver["received"]) {
    this.#own = own;
    this.received = received;
  }

  ended(): void {
    this.#own.ended();
  }

  drained(): void {
    this.#own.drained();
  }

  held(): void {
    this.#own.held?.();
  }

  closed(error: Error | null): void {
    this.#own.closed(error);
  }
}

function warn(
  protocol: WireProtocol,
  { socket }: SocketLink,
  { log, speaks }: PortOptions,
): string {
  const problem = textFor(protocol, speaks.join(" and "));
  const caller = `${socket.remoteAddress}:${socket.remotePort}`;
  const server = `${socket.localAddress}:${socket.localPort}`;
  log.warn({ event: "wrong protocol", server, caller, problem });
  return problem;
}

function textFor(protocol: WireProtocol, ours: string): string {
  const what = `the caller speaks ${protocol}, and this port speaks`;
  if (protocol === "TLS") return `${what} ${ours} without TLS: turn TLS off in the caller`;
  if (protocol === "HTTP/2") return `${what} ${ours}: let the caller use HTTP/1.1 on a port for it`;
  return `${what} ${ours}: it needs the port of a router with protocol: ${routerFor[protocol]}`;
}

const routerFor = { HTTP: "http", Thrift: "thrift", mux: "mux or thriftmux" } as const;

/** The beginnings of requests, four bytes each. */
const methods = new Set(["GET ", "POST", "PUT ", "HEAD", "DELE", "OPTI", "PATC", "CONN", "TRAC"]);

/** Of the first bytes of a connection; null: nothing known, or too short to tell. */
export function protocolOf(bytes: Buffer, length: number): WireProtocol | null {
  if (length < 8) return null;
  if (bytes[0] === 0x16 && bytes[1] === 0x03) return "TLS";
  const start = bytes.toString("latin1", 0, 4);
  if (start === "PRI ") return "HTTP/2";
  if (methods.has(start)) return "HTTP";
  if (isThrift(bytes, 0)) return "Thrift";
  // Behind a length, which is not text: frames are shorter than 256 MiB.
  if ((bytes[0] as number) >= 0x10) return null;
  if (isThrift(bytes, 4) || isTHeader(bytes)) return "Thrift";
  return isMux(bytes) ? "mux" : null;
}

const callType = 1;
const onewayType = 4;

/** A strict binary or a compact call at `at`; old binary calls cannot be told from anything. */
function isThrift(bytes: Buffer, at: number): boolean {
  if (bytes[at] === 0x80) {
    const type = bytes[at + 3];
    const isCall = type === callType || type === onewayType;
    return bytes[at + 1] === 0x01 && bytes[at + 2] === 0x00 && isCall;
  }
  const second = bytes[at + 1] as number;
  return bytes[at] === 0x82 && (second === 0x21 || second === 0x81);
}

function isTHeader(bytes: Buffer): boolean {
  return bytes[4] === 0x0f && bytes[5] === 0xff;
}

const treq = 1;
const tdispatch = 2;
const tping = 65;
const tinit = 68;
const oldRerr = 127;

/** A message that a client sends first. Text of Thrift, which may begin like its type, holds no zero. */
function isMux(bytes: Buffer): boolean {
  const type = bytes[4] as number;
  if (bytes.readInt32BE(0) < 4) return false;
  if (type === treq || type === tdispatch) return true;
  return (type === tping || type === tinit || type === oldRerr) && bytes[5] === 0;
}
