// From a scanned head to an answer of an endpoint, or to what is wrong with it.
import type { Verdict } from "../../src/core/protocol.ts";
import { latin1Of } from "./octets.ts";
import { connectionOptions, sorted, sortFields } from "./fields.ts";
import { answerFraming } from "./framing.ts";
import type { AnswerFraming } from "./framing.ts";
import { noBody } from "./message.ts";
import type { Body, Fields, HttpResponse, Tunnel } from "./message.ts";
import { PassingFields } from "./passing.ts";
import { marks } from "./scan.ts";
import { viaAfter } from "./via.ts";

class Answer implements HttpResponse {
  readonly status: number;
  readonly reason: string;
  readonly version: "1.1" | "1.0";
  readonly fields = new PassingFields(sorted.lines);
  readonly via: string;
  context: Fields | null = sorted.context;
  verdict: Verdict | null = null;
  body: Body = noBody;
  upgrade: Tunnel | null = null;

  constructor(reason: string) {
    this.status = marks.status;
    this.reason = reason;
    this.version = marks.minor === 1 ? "1.1" : "1.0";
    this.via = viaAfter(sorted.via, this.version);
  }
}

/** While its body is not known yet: only the client connection has it in this form. */
export type OpenAnswer = { -readonly [Key in keyof HttpResponse]: HttpResponse[Key] };

export interface AnswerHead extends AnswerFraming {
  readonly answer: OpenAnswer;
  readonly closes: boolean;
  /** Explicitly: for endpoints that got an HTTP/1.0 request. */
  readonly keepsAlive: boolean;
  /** The value of Upgrade, on a 101. */
  readonly upgrade: string | null;
}

/** Of the head scanned last in `bytes`. A string is what is wrong. */
export function readAnswer(bytes: Buffer, isToHead: boolean): AnswerHead | string {
  const base = marks.lineStart;
  const text = latin1Of(bytes, base, marks.headEnd);
  sortFields(bytes, text, base);
  const framed = answerFraming(marks.status, marks.minor, isToHead);
  if (typeof framed === "string") return framed;
  const options = connectionOptions(sorted.connection);
  return {
    answer: new Answer(text.slice(marks.firstEnd - base, marks.lineEnd - base)),
    framing: framed.framing,
    announcedLength: framed.announcedLength,
    closes: options.close || (marks.minor === 0 && !options.keepAlive),
    keepsAlive: options.keepAlive,
    upgrade: options.upgrade ? sorted.upgrade : null,
  };
}
