// Finds one request in the bytes of a connection; a short body is part of it.
import { wholeChunked } from "./body.ts";
import type { HttpLimits, Refusal } from "./exchange.ts";
import type { Framing } from "./framing.ts";
import { latin1Body } from "./message.ts";
import type { Peer } from "./message.ts";
import { scanRefusal } from "./problems.ts";
import { readRequest } from "./request.ts";
import type { OpenRequest, RequestHead } from "./request.ts";
import { marks, scanHead } from "./scan.ts";

export interface ReadRequest {
  readonly request: OpenRequest;
  /** Of the body that is still to come; `none` when there is none, or it is whole. */
  readonly framing: Framing;
  readonly closes: boolean;
  /** Behind the head, and behind the body when it is whole. */
  readonly end: number;
}

export interface RefusedBytes {
  readonly refusal: Refusal;
  /** What was read of the start line. */
  readonly rawStartLine: string;
}

const noFraming: Framing = { kind: "none" };
const maxRawBytes = 512;
/** A head without an end is looked at again at least this often. */
const lookAgainBytes = 512;
/** Up to here every look is cheap, and what is no HTTP at all shows itself. */
const smallBytes = 128;

/** Remembers how far an unfinished request was looked at. */
export class RequestReader {
  readonly #limits: HttpLimits;
  readonly #peer: Peer;
  #scannedBytes = 0;
  #neededBytes = 0;

  constructor(limits: HttpLimits, peer: Peer) {
    this.#limits = limits;
    this.#peer = peer;
  }

  read(buffer: Buffer, start: number, end: number): ReadRequest | RefusedBytes | "more" {
    if (!this.#isWorthALook(buffer, start, end)) return "more";
    const result = scanHead("request", buffer, start, end, this.#limits);
    if (result === "more") return this.#needs(end - start, 0);
    if (result !== null) return this.#refused(scanRefusal(result), buffer, start, end);
    const head = readRequest(buffer, this.#peer);
    if ("status" in head) return this.#refused(head, buffer, start, end);
    return this.#withBody(head, buffer, start, end);
  }

  /** Scanning starts over at every look, so not every byte is worth one. */
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

  #refused(why: Refusal, buffer: Buffer, start: number, end: number): RefusedBytes {
    const raw = buffer.toString("latin1", start, Math.min(end, start + maxRawBytes));
    return { refusal: why, rawStartLine: /^[^\r\n]*/.exec(raw.trimStart())?.[0] ?? "" };
  }

  /** Takes a short body in, waiting for it when it may come at once. */
  #withBody(head: RequestHead, buffer: Buffer, start: number, end: number): ReadRequest | "more" {
    const { framing, closes } = head;
    const request: OpenRequest = head.request;
    const bodyStart = marks.headEnd;
    let stop = framing.kind === "none" ? bodyStart : -1;
    if (framing.kind === "length" && framing.length <= this.#limits.maxWholeBodyBytes) {
      const bodyEnd = bodyStart + framing.length;
      if (bodyEnd <= end) {
        request.body = latin1Body(buffer.toString("latin1", bodyStart, bodyEnd));
        stop = bodyEnd;
      } else if (!request.expectsContinue) return this.#needs(end - start, bodyEnd - start);
    } else if (framing.kind === "chunked") {
      const whole = wholeChunked(buffer, bodyStart, end, this.#limits);
      if (whole !== null) {
        request.body = latin1Body(whole.text);
        stop = whole.end;
      }
    }
    this.#needs(0, 0);
    if (stop < 0) return { request, framing, closes, end: bodyStart };
    return { request, framing: noFraming, closes, end: stop };
  }
}
