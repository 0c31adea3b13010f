// How many file descriptors the process may have open: each connection takes one.
import { readFileSync } from "node:fs";

/** Limit of the whole process; Infinity where the system does not report it. Read once: it does not change. */
export const openFilesLimit: number = readLimit();

/**
 * Kept for connections to endpoints, discovery, the admin server and log files: callers alone never take
 * the last descriptors.
 */
export const reservedFiles: number =
  openFilesLimit === Infinity ? 0 : Math.min(1_024, Math.max(32, Math.floor(openFilesLimit / 4)));

/** Of the reserved ones, those that connections to endpoints, and callers on their way out, leave to discovery and the admin server. */
const lastFiles: number = Math.min(16, reservedFiles);

/** How many connections the admin server may have: callers of it do not take the last descriptors either. */
export const maxAdminConnections: number =
  openFilesLimit === Infinity ? 256 : Math.min(256, Math.floor(reservedFiles / 2));

/** What became of callers because descriptors were scarce. */
export const scarcity = { closedIdle: 0, refused: 0 };

/** Descriptors left when a new one has this number: the system assigns the lowest free number. */
export function filesLeft(newest: number): number {
  return openFilesLimit - newest - 1;
}

/** The socket is open and has one of the `lastFiles`. */
export function hasLastFile(socket: object): boolean {
  const { _handle } = socket as { readonly _handle?: { readonly fd?: unknown } | null };
  const fd = _handle?.fd;
  return typeof fd === "number" && filesLeft(fd) < lastFiles;
}

function readLimit(): number {
  try {
    const [, soft] =
      /^Max open files +(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    return soft === undefined ? Infinity : Number(soft);
  } catch {
    return Infinity; // not Linux
  }
}
