// `Via`: the hops of a message so far (RFC 9110 section 7.6.3).

export const via11 = "1.1 switchyard";
const via10 = "1.0 switchyard";

/** Appends this hop to `Via`; the version is the one in which the message came in. */
export function viaAfter(via: string | null, version: "1.1" | "1.0"): string {
  const hop = version === "1.1" ? via11 : via10;
  return via === null || via === "" ? hop : `${via}, ${hop}`;
}

const line11 = `Via: ${via11}\r\n`;

/** The header line; empty without any hop. */
export function viaLine(via: string | null): string {
  if (via === via11) return line11;
  return via === null ? "" : `Via: ${via}\r\n`;
}
