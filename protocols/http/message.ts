// HTTP/1.x messages as the proxy sees them: a head in parts it cares about, and a body that flows.
import type { Request } from "../../src/core/request.ts";
import type { Verdict } from "../../src/core/classifier.ts";
import type { Dtab } from "../../src/core/names/dtab.ts";
import type { Failure } from "../../src/core/failure.ts";
import type { SocketLink } from "../../src/net/socket-link.ts";
import type { Hop } from "./filters/context.ts";
import type { PassthroughFields } from "./codec/passthrough-fields.ts";

/** Header fields, flat: name, value, name, value, ... Names keep their case. */
export type Fields = string[];

/** Takes a body. Exactly one of `end` and `fail` comes, last. */
export interface BodySink {
  /**
   * `bytes` is good only during this call (it may be the shared read buffer): copy to keep.
   * false: no more until `resume` is called on the source.
   */
  chunk(bytes: Uint8Array): boolean;
  /** `trailers` is empty unless the body was chunked and had some. */
  end(trailers: Fields): void;
  fail(why: Failure): void;
}

/** Gives a body, once, to one sink. */
export interface Body {
  /** Bytes announced; null when only the end will tell (chunked, or until close). */
  readonly length: number | null;
  /** All of it, when it is short and came with the head: nothing will flow. Empty for no body. */
  readonly whole: Uint8Array | null;
  /** The same as text, one character a byte: what the writer joins with a head. Null like `whole`. */
  readonly latin1: string | null;
  /** Begins the flow; never when `whole` is there. May call the sink before it returns. */
  start(sink: BodySink): void;
  resume(): void;
  /**
   * Nobody wants the rest: a bounded amount is drained, or the connection closed. Of an answer this
   * ends the call before it returns: whoever puts another body in its place starts that one first.
   */
  cancel(): void;
}

export interface HttpRequest extends Request {
  /** While more of a flowing body may be kept than has passed; see `ReplayBody`. */
  replayable: boolean;
  /** Empty when made; set by the proxy filters from `l5d-ctx-dtab` and `l5d-dtab`. */
  localDtab: Dtab;
  readonly method: string;
  /** Origin-form (`/path?query`), `*`, or as an identifier rewrote it. Never absolute-form. */
  target: string;
  readonly version: "1.1" | "1.0";
  /** The Host field, or the authority of an absolute-form target; null when there is none. */
  host: string | null;
  /** `http` or `https` when the target came in absolute-form; null otherwise. */
  readonly absoluteScheme: string | null;
  /**
   * As received. What the proxy owns is not among them, the parser takes it out: Host,
   * Content-Length, hop-by-hop fields and those that `Connection` lists, Via, Expect, and everything
   * that begins with `l5d-`.
   */
  readonly fields: PassthroughFields;
  /** `target` and `host` as they stand in `fields.opening`, which is no good when they changed. */
  readonly receivedTarget: string;
  readonly receivedHost: string | null;
  /** All Via values in order, joined with `, `; null when there are none. */
  via: string | null;
  /** The `l5d-*` fields, flat, names in lower case; null when there are none. */
  context: Fields | null;
  /** `l5d-*` fields to send on, as lines; set by the proxy filters. Empty when there are none. */
  contextOut: string;
  /** What this proxy knows of the call's trace and deadline; null until the proxy filters ran. */
  hop: Hop | null;
  /** The caller waits for a 100 before it sends the body. */
  readonly expectsContinue: boolean;
  /** The value of Upgrade when `Connection` lists it, else null. */
  readonly upgrade: string | null;
  body: Body;
  readonly peer: Peer;
  /** Is told of interim answers (100, 103) of the endpoint; set by the server. */
  interims: InterimReceiver | null;
}

export interface InterimReceiver {
  interim(status: number, fields: PassthroughFields): void;
}

/** The caller's end and ours, known per connection. */
export interface Peer {
  readonly remoteHost: string;
  readonly remotePort: number;
  readonly localHost: string;
  readonly localPort: number;
  /** A caller on this host: it may see internal names. */
  readonly isLocal: boolean;
  /** `_` and six random characters, for `Forwarded: for=...` (RFC 7239 section 6.3). */
  readonly token: string;
}

export interface HttpResponse {
  readonly status: number;
  readonly reason: string;
  readonly version: "1.1" | "1.0";
  /** As `HttpRequest.fields`. */
  readonly fields: PassthroughFields;
  /** What is sent: an endpoint's answer has this hop at its end. */
  readonly via: string | null;
  /**
   * The `l5d-*` fields, flat, names in lower case; null when there are none. The caller gets them,
   * but the verdict of the hop before. Who classifies the call or logs it reads them at its end.
   */
  context: Fields | null;
  /** The caller gets none of `context`; absent: it does. */
  hidesContext?: true;
  /** What the answer counts as, for the caller and the server's own statistics; null: unknown. */
  verdict: Verdict | null;
  readonly body: Body;
  /** Set on 101: both sides become a tunnel, and the server connects them. */
  readonly upgrade: Tunnel | null;
}

/** The endpoint's side of an upgraded connection. */
export interface Tunnel {
  /** The protocol that both sides agreed on, as the endpoint wrote it. */
  readonly protocol: string;
  /** Hands over the link and what it had read beyond the head; the taker owns it. Once. */
  take(): { readonly link: SocketLink; readonly head: Uint8Array };
  /** The taker says that the tunnel is over: the call ends. */
  closed(): void;
}

/** A body that is all here: as bytes or as text, and the other form when somebody asks. */
class WholeBody implements Body {
  readonly length: number;
  #bytes: Uint8Array | null;
  #text: string | null;

  constructor(bytes: Uint8Array | null, text: string | null) {
    this.#bytes = bytes;
    this.#text = text;
    this.length = bytes?.length ?? text?.length ?? 0;
  }

  get whole(): Uint8Array {
    this.#bytes ??= Buffer.from(this.#text ?? "", "latin1");
    return this.#bytes;
  }

  get latin1(): string {
    const bytes = this.#bytes;
    this.#text ??=
      bytes === null
        ? ""
        : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
    return this.#text;
  }

  start(): void {
    throw new Error("bug: start() of a body that is whole");
  }
  resume(): void {}
  cancel(): void {}
}

/** The body of a message that has none: nothing is announced either. */
export const noBody: Body = new WholeBody(null, "");

/** A body that is all here. `bytes` is kept, not copied. */
export function wholeBody(bytes: Uint8Array): Body {
  return new WholeBody(bytes, null);
}

/** A body that is all here, as text of one character a byte. */
export function latin1Body(text: string): Body {
  return new WholeBody(null, text);
}

/** Nothing follows, but a length was announced: the answer to a HEAD, or a 304. */
export function announcedBody(length: number): Body {
  return {
    length,
    whole: new Uint8Array(0),
    latin1: "",
    start() {
      throw new Error("bug: start() of a body that only was announced");
    },
    resume() {},
    cancel() {},
  };
}
