// Trace ids as Finagle sends them: span, parent and trace, 64 bits each, and flags.

export interface TraceId {
  readonly traceHigh: number;
  readonly traceLow: number;
}
