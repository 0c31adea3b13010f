// How large the dtab of a caller may be. It is checked before the dtab is parsed, which costs time.

export interface CallerDtabLimits {
  /** Of its text; of mux, of its entries on the wire. */
  readonly maxBytes: number;
  readonly maxEntries: number;
}

export const defaultCallerDtabLimits: CallerDtabLimits = { maxBytes: 4_096, maxEntries: 100 };

/** Why a dtab of this size is refused, as text for its caller; null: it is not. */
export function tooLarge(
  bytes: number,
  entries: number,
  { maxBytes, maxEntries }: CallerDtabLimits,
): string | null {
  if (bytes > maxBytes) {
    return `the dtab of the call has ${bytes} bytes, and this router takes ${maxBytes} (callerDtabLimits.maxBytes)`;
  }
  if (entries > maxEntries) {
    return `the dtab of the call has ${entries} entries, and this router takes ${maxEntries} (callerDtabLimits.maxEntries)`;
  }
  return null;
}

/** An upper bound of the entries in a dtab's text, without parsing it. */
export function entriesIn(text: string): number {
  let entries = 0;
  for (let at = text.indexOf("=>"); at >= 0; at = text.indexOf("=>", at + 2)) entries += 1;
  return entries;
}
