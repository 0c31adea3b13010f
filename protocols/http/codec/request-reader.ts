// Finds one request in the bytes of a connection; a short body is part of it.
import { latin1Of } from "../../../src/net/latin1.ts";
import type { PeerInfo } from "../../../src/net/peer-info.ts";
import { latin1Body } from "./body.ts";
import { wholeChunked } from "./chunked-decoder.ts";
import type { Framing } from "./framing.ts";
import { scanHead } from "./head-scanner.ts";
import { lastHead } from "./header-fields.ts";
import type { HttpRequest } from "../message.ts";
import type { HeadLimits, HttpLimits } from "./limits.ts";
import { refusal, scanRefusal } from "./refusal.ts";
import type { Refusal } from "./refusal.ts";
import { readRequest } from "./request-head.ts";
import type { RequestHead } from "./request-head.ts";

export interface RefusedBytes {
  readonly refusal: Refusal;
  /** The start line as far as it was read. */
  readonly rawStartLine: string;
  /** null when the head was not read that far, or does not have exactly one Host. */
  readonly host: string | null;
}

export const lateHead: RefusedBytes = {
  refusal: refusal(408, "the request did not come in time"),
  rawStartLine: "",
  host: null,
};

const noFraming: Framing = { kind: "none" };
const maxRawBytes = 512;
/** An incomplete head is scanned again after at most this many bytes. */
const lookAgainBytes = 512;
/** Up to this size a scan is cheap and reveals input that is not HTTP at all. */
const smallBytes = 128;

/** Remembers how far an unfinished request has been scanned. */
export class RequestReader {
  readonly #limits: HttpLimits;
  readonly #peer: PeerInfo;
  #scannedBytes = 0;
  /** The size of the request with its short body, once its head is known; else 0. */
  #neededBytes = 0;
  #skipsWait = false;

  constructor(limits: HttpLimits, peer: PeerInfo) {
    this.#limits = limits;
    this.#peer = peer;
  }

  /** The head is complete, and the rest of a short body is awaited. */
  get awaitsBody(): boolean {
    return this.#neededBytes > 0;
  }

  /** The next `read` returns the request without its body, which then flows. */
  stopWaiting(): void {
    this.#skipsWait = true;
    this.#needs(0, 0);
  }

  read(buffer: Buffer, start: number, end: number): RequestHead | RefusedBytes | "more" {
    if (!this.#isWorthALook(buffer, start, end)) return "more";
    const result = scanHead("request", buffer, start, end, this.#limits);
    if (result === "more") return this.#needs(end - start, 0);
    if (result !== null) return refused(scanRefusal(result), null, buffer, start, end);
    const head = readRequest(buffer, this.#peer);
    if ("status" in head) return refused(head, theHost(), buffer, start, end);
    return this.#withBody(head, buffer, start, end);
  }

  /** Every scan starts over, so not every byte is worth one. */
  #isWorthALook(buffer: Buffer, start: number, end: number): boolean {
    const length = end - start;
    if (this.#neededBytes > 0) return length >= this.#neededBytes;
    const scanned = this.#scannedBytes;
    if (scanned < smallBytes || length - scanned >= lookAgainBytes) return true;
    const { maxInitialLineBytes } = this.#limits;
    if (scanned <= maxInitialLineBytes && length > maxInitialLineBytes) return true;
    const lineFeed = buffer.indexOf(10, start + scanned);
    return lineFeed >= 0 && lineFeed < end;
  }

  #needs(scannedBytes: number, neededBytes: number): "more" {
    this.#scannedBytes = scannedBytes;
    this.#neededBytes = neededBytes;
    return "more";
  }

  /** Inlines a short body, and awaits it unless the caller expects a response first. */
  #withBody(head: RequestHead, buffer: Buffer, start: number, end: number): RequestHead | "more" {
    const { framing, request, end: bodyStart } = head;
    if (framing.kind === "length" && framing.length <= this.#limits.maxWholeBodyBytes) {
      const bodyEnd = bodyStart + framing.length;
      if (bodyEnd <= end) inlineBody(head, latin1Of(buffer, bodyStart, bodyEnd), bodyEnd);
      else if (!request.expectsContinue && !this.#skipsWait) {
        return this.#needs(end - start, bodyEnd - start);
      }
    } else if (framing.kind === "chunked") {
      const whole = wholeChunked(buffer, bodyStart, end, this.#limits);
      if (whole !== null) inlineBody(head, whole.text, whole.end);
    }
    this.#needs(0, 0);
    this.#skipsWait = false;
    return head;
  }
}

/** The Host of the last read head; null when there are several, since any could be meant. */
const theHost = (): string | null => (lastHead.hostCount === 1 ? lastHead.host : null);

function refused(
  why: Refusal,
  host: string | null,
  buffer: Buffer,
  start: number,
  end: number,
): RefusedBytes {
  const raw = buffer.toString("latin1", start, Math.min(end, start + maxRawBytes));
  return { refusal: why, rawStartLine: /^[^\r\n]*/.exec(raw.trimStart())?.[0] ?? "", host };
}

function inlineBody(head: RequestHead, body: string, end: number): void {
  head.request.body = latin1Body(body);
  head.framing = noFraming;
  head.end = end;
}

/** A request without its body, such as one that is only to be named; or why the head is not one. */
export function readHead(head: Buffer, limits: HeadLimits): HttpRequest | string {
  const result = scanHead("request", head, 0, head.length, limits);
  if (result === "more") return "the head is not complete";
  const read = result === null ? readRequest(head, nobody) : scanRefusal(result);
  return "status" in read ? read.detail : read.request;
}

const nobody: PeerInfo = {
  remoteHost: "127.0.0.1",
  remotePort: 0,
  localHost: "127.0.0.1",
  localPort: 0,
  isLocal: true,
  identity: null,
};
