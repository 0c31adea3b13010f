// Finagle's opportunistic TLS: both sides say in the handshake of mux what they think of it.
import type { Buffer } from "node:buffer";

/** `off`: plain text only; `desired`: TLS if the peer can; `required`: nothing else. */
export type TlsLevel = "off" | "desired" | "required";

export const tlsLevels = ["off", "desired", "required"] as const;

export const tlsKey = "tls";

interface WithHeaders {
  readonly headers: readonly (readonly [key: string, value: Buffer])[];
}

/** Of the headers of a Tinit or Rinit. As in Finagle, unknown and absent levels are `off`. */
export function tlsLevelOf({ headers }: WithHeaders): TlsLevel {
  const value = headers.find(([key]) => key === tlsKey)?.[1];
  const text = value?.toString("latin1").toLowerCase();
  return tlsLevels.find((level) => level === text) ?? "off";
}

/** Whether TLS follows the handshake of mux, or null: one side wants it, and the other has it off. */
export function agreement(ours: TlsLevel, theirs: TlsLevel): "tls" | "plain" | null {
  if (ours !== "off" && theirs !== "off") return "tls";
  return ours === "required" || theirs === "required" ? null : "plain";
}
