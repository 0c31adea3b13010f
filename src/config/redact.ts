// A configuration as it may be shown: secrets left out.
import { isSecret } from "./locate.ts";

const hidden = "[redacted]";

/**
 * A copy of plain data in which no value below a key such as `token` or `password` is left; paths
 * of key files stay, they are no secrets. For `/config.json`.
 */
export function redact(data: unknown): unknown {
  if (Array.isArray(data)) return data.map(redact);
  if (typeof data !== "object" || data === null) return data;
  const entries = Object.entries(data).map(([key, value]) => [
    key,
    isSecret([key]) && value !== null ? hidden : redact(value),
  ]);
  return Object.fromEntries(entries);
}
