// How a server responds to Tinit.
import type { Buffer } from "node:buffer";
import * as mux from "./messages.ts";
import { agreement, tlsLevelOf } from "./tls-level.ts";
import type { TlsLevel } from "./tls-level.ts";
import type { Problem } from "./messages.ts";

export interface Negotiated {
  readonly rinit: Buffer;
  /** TLS begins behind the Rinit. */
  readonly startsTls: boolean;
  /** The longest fragment that the client accepts; Infinity: it wants no fragments. */
  readonly maxFragmentBytes: number;
}

/** Why there will be no session; sent to the client as Rerr. */
export interface Refused {
  readonly refused: string;
}

/** `ownFragmentBytes`: the longest fragment that this side accepts. Problem: not a Tinit. */
export function negotiate(
  frame: Buffer,
  tag: number,
  ownFragmentBytes: number,
  tlsLevel: TlsLevel,
): Negotiated | Refused | Problem {
  const init = mux.readInit(frame);
  if ("problem" in init) return init;
  if (init.version !== mux.muxVersion) {
    return { refused: `Unsupported Mux version: ${init.version}` };
  }
  const maxFragmentBytes = mux.fragmentBytesOf(init);
  if (typeof maxFragmentBytes === "object") return { refused: maxFragmentBytes.problem };
  const agreed = agreement(tlsLevel, tlsLevelOf(init));
  if (agreed === null) {
    const who = tlsLevel === "required" ? "this server requires" : "the client requires";
    return { refused: `${who} TLS, which the other side has off` };
  }
  const rinit = mux.initMessage(mux.rinit, tag, ownFragmentBytes, tlsLevel);
  return { rinit, maxFragmentBytes, startsTls: agreed === "tls" };
}
