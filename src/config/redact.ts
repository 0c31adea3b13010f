// The configuration in a form that may be shown: secrets are replaced.
import { isSecret } from "./yaml/locate.ts";

const hidden = "[redacted]";

/**
 * A copy of plain data in which every value below a key such as `token` or `password`, and every value
 * of a map `headers`, is replaced.
 * Paths of key files are kept, because they are not secrets. Used by `/config.json`.
 */
export function redact(data: unknown): unknown {
  return redactBelow(data, null);
}

/** `above`: the key of `data`; null: it is the whole, or an item of a list. */
function redactBelow(data: unknown, above: string | null): unknown {
  if (Array.isArray(data)) return data.map((item) => redactBelow(item, null));
  if (typeof data !== "object" || data === null) return data;
  const entries = Object.entries(data).map(([key, value]) => {
    const steps = above === null ? [key] : [above, key];
    return [key, isSecret(steps) && value !== null ? hidden : redactBelow(value, key)];
  });
  return Object.fromEntries(entries);
}
