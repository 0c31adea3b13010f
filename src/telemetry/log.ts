// The process log: one event per line, with levels that can change at run time. A line costs 3 to 6
// microseconds, so nothing is logged per request.
import { pino, stdSerializers, stdTimeFunctions, type Logger } from "pino";
import type { Clock } from "../core/clock.ts";
import type { Log, LogEvent, LogSink } from "../core/log.ts";
import { LimitedLog } from "./limited-log.ts";

/** Linkerd's levels and the level of pino that each one maps to. */
const levelOf = {
  ALL: "trace",
  TRACE: "trace",
  DEBUG: "debug",
  INFO: "info",
  WARNING: "warn",
  ERROR: "error",
  CRITICAL: "fatal",
  FATAL: "fatal",
  OFF: "silent",
} as const;
export type LevelName = keyof typeof levelOf;
const levelNames = Object.keys(levelOf) as readonly LevelName[];

export interface LogLevel {
  readonly logger: string;
  readonly level: LevelName;
}

export interface Logs {
  /** One logger per name. Names are router labels, namer ids and parts of the process. */
  log(name: string): Log;
  /** More severe than an error: the process is about to end. */
  fatal(event: LogEvent): void;
  levels(): readonly LogLevel[];
  /** `root` sets all loggers; a logger that does not exist yet gets the level when it is made. False: there is no such level. */
  setLevel(logger: string, level: string): boolean;
  /** Flushes the sink. */
  flush(): Promise<void>;
}

/** `clock`: warnings that repeat are limited (`LimitedLog`); null: every line is written. */
export function openLogs(
  sink: LogSink,
  level: LevelName = "INFO",
  clock: Clock | null = null,
): Logs {
  return new PinoLogs(sink, level, clock);
}

class PinoLogs implements Logs {
  readonly #sink: LogSink;
  readonly #root: Logger;
  readonly #loggers = new Map<string, Logger>();
  readonly #levels = new Map<string, LevelName>();
  readonly #limited = new Map<string, LimitedLog>();
  readonly #clock: Clock | null;

  constructor(sink: LogSink, level: LevelName, clock: Clock | null) {
    this.#sink = sink;
    this.#clock = clock;
    this.#root = pino(
      {
        level: levelOf[level],
        base: null, // neither pid nor host name: log collectors add both
        timestamp: stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
        serializers: { err: stdSerializers.err, error: stdSerializers.err },
      },
      sink,
    );
    this.#levels.set("root", level);
  }

  log(name: string): Log {
    const logger = this.#logger(name);
    if (this.#clock === null) return logger;
    const known = this.#limited.get(name);
    if (known !== undefined) return known;
    const limited = new LimitedLog(logger, this.#clock);
    this.#limited.set(name, limited);
    return limited;
  }

  #logger(name: string): Log {
    if (name === "root") return this.#root;
    const known = this.#loggers.get(name);
    if (known !== undefined) return known;
    const logger = this.#root.child({ logger: name });
    const level = this.#levels.get(name) ?? this.#levels.get("root") ?? "INFO";
    logger.level = levelOf[level];
    this.#levels.set(name, level);
    this.#loggers.set(name, logger);
    return logger;
  }

  fatal(event: LogEvent): void {
    this.#root.fatal(event);
  }

  levels(): readonly LogLevel[] {
    const others = [...this.#levels].filter(([logger]) => logger !== "root").sort();
    return [["root", this.#levels.get("root") ?? "INFO"] as const, ...others].map(
      ([logger, level]) => ({ logger, level }),
    );
  }

  setLevel(logger: string, level: string): boolean {
    const name = levelNames.find((each) => each === level.toUpperCase());
    if (name === undefined) return false;
    const changed = logger === "root" ? [...this.#levels.keys()] : [logger];
    for (const each of changed) {
      this.#levels.set(each, name);
      const target = each === "root" ? this.#root : this.#loggers.get(each);
      if (target !== undefined) target.level = levelOf[name];
    }
    return true;
  }

  flush(): Promise<void> {
    for (const limited of this.#limited.values()) limited.close();
    return this.#sink.flush();
  }
}
