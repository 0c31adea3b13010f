// Events, not sentences: `log.info({ event: "addresses", cluster, count })`. Never per request.

export interface LogEvent {
  /** A word or two, stable: what to search for. */
  readonly event: string;
  readonly [field: string]: unknown;
}

export interface Log {
  debug(event: LogEvent): void;
  info(event: LogEvent): void;
  warn(event: LogEvent): void;
  error(event: LogEvent): void;
}

/** Where lines go; each call is one line, line feed included. */
export interface LogSink {
  write(line: string): void;
  /** Resolves when everything was handed to the system; late when the system does not take it. */
  flush(): Promise<void>;
}
