// How a session with an endpoint begins: does it negotiate, and in what pieces does it take messages?
import type { Buffer } from "node:buffer";
import * as mux from "../codec/messages.ts";
import type { Problem } from "../codec/messages.ts";
import { agreement, tlsLevelOf } from "../codec/tls-level.ts";
import type { TlsLevel } from "../codec/tls-level.ts";
import type { MessageWriter } from "../message-writer.ts";

/** What the endpoint's message means for the handshake. "secure": TLS begins. "other": nothing, it is handled as usual. */
export type Step = "open" | "secure" | "pending" | "other" | Problem;

const noTls = mux.problem("a handshake without TLS, which opportunisticTls requires");

/*
 * asking -> negotiating -> done   `asking`: sends an Rerr "tinit check", as Finagle does: an endpoint
 *                                 that negotiates sends the same back; any other reply means that it
 *                                 cannot, and the session is open
 */
export class ClientHandshake {
  readonly #writer: MessageWriter;
  /** What the endpoint is asked to send in one piece. */
  readonly #maxFragmentBytes: number;
  readonly #tlsLevel: TlsLevel;
  #state: "asking" | "negotiating" | "done" = "asking";

  constructor(writer: MessageWriter, maxFragmentBytes: number, tlsLevel: TlsLevel) {
    this.#tlsLevel = tlsLevel;
    this.#writer = writer;
    this.#maxFragmentBytes = maxFragmentBytes;
    writer.control(mux.rerrMessage(mux.controlTag, mux.tinitCheck));
  }

  /** For each message until the session is open. */
  take(frame: Buffer, type: number, tag: number): Step {
    // What the endpoint sends by itself (a ping, a lease) is no reply to the question.
    if (this.#state === "asking" && type < 0) return this.#asked(frame, type);
    if (this.#state !== "negotiating") return "other";
    if (type === mux.rinit) return this.#negotiated(mux.readInit(frame));
    if (type === mux.rerr && tag === mux.controlTag) {
      return mux.problem(`no session: ${mux.readReason(frame)}`);
    }
    return "other";
  }

  #asked(frame: Buffer, type: number): Step {
    if (type === mux.rerr && mux.readReason(frame) === mux.tinitCheck) {
      this.#state = "negotiating";
      const { tinit, controlTag } = mux;
      this.#writer.control(
        mux.initMessage(tinit, controlTag, this.#maxFragmentBytes, this.#tlsLevel),
      );
      return "pending";
    }
    if (!mux.isKnownType(type)) {
      return mux.problem(`a message of unknown type ${type}: is it mux?`);
    }
    if (this.#tlsLevel === "required") return noTls;
    return this.#done();
  }

  #negotiated(init: ReturnType<typeof mux.readInit>): Step {
    if ("problem" in init) return init;
    const bytes = mux.fragmentBytesOf(init);
    if (typeof bytes === "object") return bytes;
    this.#writer.maxFragmentBytes = bytes;
    const agreed = agreement(this.#tlsLevel, tlsLevelOf(init));
    if (agreed === null) return noTls;
    this.#state = "done";
    return agreed === "tls" ? "secure" : "open";
  }

  #done(): Step {
    this.#state = "done";
    return "open";
  }
}
