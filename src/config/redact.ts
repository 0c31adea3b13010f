// The configuration in a form that may be shown: secrets are replaced.
import { isSecret } from "./yaml/locate.ts";

const hidden = "[redacted]";

/**
 * A copy of plain data in which every value below a key such as `token` or `password` is replaced.
 * Paths of key files are kept, because they are not secrets. Used by `/config.json`.
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
