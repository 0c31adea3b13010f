// How large the parts of a message may be, and how long they may take.

/** Limits on the size of one head, in either direction. */
export interface HeadLimits {
  /** Start line without its CRLF; longer: 414. */
  readonly maxInitialLineBytes: number;
  /** All fields with their CRLFs, also of a trailer section; longer: 431. */
  readonly maxHeadersBytes: number;
  /** More fields: 431. */
  readonly maxHeaderCount: number;
}

/** Times are milliseconds; Infinity means no limit. */
export interface HttpLimits extends HeadLimits {
  /** From the first byte of a head to its last; also for a body that is awaited: 408. */
  readonly headerReadTimeoutMs: number;
  /** A connection without a request is closed after this. */
  readonly idleTimeMs: number;
  /** A connection older than this is closed after the call in progress. */
  readonly lifeTimeMs: number;
  /** The connection is closed when a body stalls for this long, in either direction. */
  readonly stallTimeoutMs: number;
  /** How long a caller that has sent a FIN may wait for its response to begin. */
  readonly halfCloseGraceMs: number;
  /** A tunnel without a byte in either direction is closed after this. */
  readonly tunnelIdleTimeMs: number;
  /** Bytes of further requests to read ahead while a response is pending; then reading pauses. */
  readonly maxPipelinedBytes: number;
  /** Bytes of an unwanted request body to read in order to keep the connection; more: it closes. */
  readonly maxDrainBytes: number;
  /** A body announced as no longer than this is read before routing, so that it can be replayed. */
  readonly maxWholeBodyBytes: number;
}

/** Generous defaults; `idleTimeMs` and `lifeTimeMs` are Linkerd's. */
export const defaultLimits: HttpLimits = {
  maxInitialLineBytes: 4 * 1024,
  maxHeadersBytes: 8 * 1024,
  maxHeaderCount: 100,
  headerReadTimeoutMs: 30_000,
  idleTimeMs: Infinity,
  lifeTimeMs: Infinity,
  stallTimeoutMs: 60_000,
  halfCloseGraceMs: 1_000,
  tunnelIdleTimeMs: 3_600_000,
  maxPipelinedBytes: 64 * 1024,
  maxDrainBytes: 64 * 1024,
  maxWholeBodyBytes: 5 * 1024,
};
