// From a scanned head to a response of an endpoint, or to a description of what is wrong with it.
import type { Verdict } from "../../../src/core/classifier.ts";
import { latin1Of } from "../../../src/net/latin1.ts";
import type { HttpResponse, Tunnel } from "../message.ts";
import { noBody } from "./body.ts";
import type { Body } from "./body.ts";
import { announcedLength, responseFraming } from "./framing.ts";
import type { Framing } from "./framing.ts";
import { lastScan } from "./head-scanner.ts";
import { connectionOptions, passthroughFields, lastHead, sortFields } from "./header-fields.ts";
import type { Fields, PassthroughFields } from "./passthrough-fields.ts";
import { viaAfter } from "./via.ts";

class Response implements HttpResponse {
  readonly status: number;
  readonly reason: string;
  readonly version: "1.1" | "1.0";
  readonly fields: PassthroughFields;
  readonly via: string;
  context: Fields | null = lastHead.context;
  verdict: Verdict | null = null;
  body: Body = noBody;
  readonly offeredUpgrade = lastScan.status === 426 ? lastHead.upgrade : null;
  upgrade: Tunnel | null = null;

  /** `openEnd` as in `passthroughFields`. */
  constructor(reason: string, openEnd: number) {
    this.fields = passthroughFields(openEnd);
    this.status = lastScan.status;
    this.reason = reason;
    this.version = lastScan.minor === 1 ? "1.1" : "1.0";
    this.via = viaAfter(lastHead.via, this.version);
  }
}

/** A response whose body is not known yet; only the client connection sees this form. */
export type OpenResponse = { -readonly [Key in keyof HttpResponse]: HttpResponse[Key] };

export interface ResponseHead {
  readonly response: OpenResponse;
  readonly framing: Framing;
  /** See `announcedLength`. */
  readonly announcedLength: number | null;
  readonly closes: boolean;
  /** The endpoint explicitly keeps the connection: matters after an HTTP/1.0 request. */
  readonly keepsAlive: boolean;
  /** The value of Upgrade, on a 101. */
  readonly upgrade: string | null;
  /** The head as latin1, and the bytes behind it when there are few. */
  readonly text: string;
  /** Where in `text` the body begins. */
  readonly bodyAt: number;
}

/** Up to this many bytes behind a head become text with it, so that most bodies need no second copy. */
const maxTextBehindBytes = 4 * 1024;

/** Reads the last scanned head in `bytes`, which end at `end`. A string says what is wrong. */
export function readResponse(bytes: Buffer, end: number, isToHead: boolean): ResponseHead | string {
  const { lineStart: base, headEnd } = lastScan;
  const text = latin1Of(bytes, base, end - headEnd <= maxTextBehindBytes ? end : headEnd);
  sortFields(bytes, text, base);
  const framing = responseFraming(lastScan.status, lastScan.minor, isToHead);
  if (typeof framing === "string") return framing;
  const options = connectionOptions(lastHead.connection);
  return {
    response: new Response(
      text.slice(lastScan.firstEnd - base, lastScan.lineEnd - base),
      openEnd(text),
    ),
    framing,
    announcedLength: framing.kind === "none" ? announcedLength(lastScan.status, isToHead) : null,
    closes: options.close || (lastScan.minor === 0 && !options.keepAlive),
    keepsAlive: options.keepAlive,
    upgrade: options.upgrade ? lastHead.upgrade : null,
    text,
    bodyAt: headEnd - base,
  };
}

const statusLineStart = "HTTP/1.1 200 ".length;

/** Offset just after the status line when it is in our own form; otherwise -1. */
function openEnd(text: string): number {
  const { lineStart, firstEnd, lineEnd } = lastScan;
  const isOurs = firstEnd - lineStart === statusLineStart && text.startsWith("1.1", 5);
  return isOurs ? lineEnd + 2 - lineStart : -1;
}
