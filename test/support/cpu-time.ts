// The processor time of this process: how long work takes, however busy the machine is.

/** Milliseconds of user time so far. */
export function cpuMs(): number {
  return process.cpuUsage().user / 1_000;
}
