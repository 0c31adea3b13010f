// When a log file ends and the next begins: by local time or by size; and what the old one is called.

/** `weekly`: on that day of the week, 0 is Sunday. */
export type RollPolicy =
  | { readonly kind: "never" }
  | { readonly kind: "hourly" }
  | { readonly kind: "daily" }
  | { readonly kind: "weekly"; readonly weekday: number }
  | { readonly kind: "size"; readonly maxBytes: number };

const unitBytes: Readonly<Record<string, number>> = {
  byte: 1,
  kilobyte: 2 ** 10,
  megabyte: 2 ** 20,
  gigabyte: 2 ** 30,
  terabyte: 2 ** 40,
};

/**
 * Reads `never`, `hourly`, `daily`, `weekly(1)` (1 is Sunday, 7 Saturday) or a size such as
 * `3.megabytes`, in upper or lower case; null for anything else.
 */
export function parseRollPolicy(written: string): RollPolicy | null {
  const text = written.toLowerCase();
  if (text === "never" || text === "hourly" || text === "daily") return { kind: text };
  const day = /^weekly\(([1-7])\)$/.exec(text)?.[1];
  if (day !== undefined) return { kind: "weekly", weekday: Number(day) - 1 };
  const size = /^([1-9]\d{0,9})\.(byte|kilobyte|megabyte|gigabyte|terabyte)s?$/.exec(text);
  if (size === null) return null;
  const maxBytes = Number(size[1]) * (unitBytes[size[2] ?? ""] ?? 1);
  return Number.isSafeInteger(maxBytes) ? { kind: "size", maxBytes } : null;
}

/** When the period began that holds `wallMs`; -Infinity when time does not end a file. */
export function periodStartMs(policy: RollPolicy, wallMs: number): number {
  const date = new Date(wallMs);
  switch (policy.kind) {
    case "never":
    case "size":
      return -Infinity;
    case "hourly":
      return date.setMinutes(0, 0, 0);
    case "daily":
      return date.setHours(0, 0, 0, 0);
    case "weekly":
      date.setDate(date.getDate() - ((date.getDay() - policy.weekday + 7) % 7));
      return date.setHours(0, 0, 0, 0);
    default:
      return policy satisfies never;
  }
}

/** When the period ends that holds `wallMs`; Infinity when time does not end a file. */
export function periodEndMs(policy: RollPolicy, wallMs: number): number {
  const start = new Date(periodStartMs(policy, wallMs));
  switch (policy.kind) {
    case "never":
    case "size":
      return Infinity;
    case "hourly":
      return start.setHours(start.getHours() + 1);
    case "daily":
      return start.setDate(start.getDate() + 1);
    case "weekly":
      return start.setDate(start.getDate() + 7);
    default:
      return policy satisfies never;
  }
}

const two = (n: number): string => String(n).padStart(2, "0");

/** What is put into the name of a file that ended: `20240131`, by hour or by size with its time. */
export function stampOf(policy: RollPolicy, wallMs: number): string {
  const stamp = secondStampOf(wallMs);
  switch (policy.kind) {
    case "size":
      return stamp;
    case "hourly":
      return stamp.slice(0, "20240131-22".length);
    default:
      return stamp.slice(0, "20240131".length);
  }
}

/** `20240131-225958` */
export function secondStampOf(wallMs: number): string {
  const date = new Date(wallMs);
  const day = `${date.getFullYear()}${two(date.getMonth() + 1)}${two(date.getDate())}`;
  return `${day}-${two(date.getHours())}${two(date.getMinutes())}${two(date.getSeconds())}`;
}
