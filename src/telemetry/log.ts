// The process log: one event a line, levels that can be changed while it runs. Events only: a line
// costs 3 to 6 microseconds, so nothing here is called for each request.
import { destination, pino, stdSerializers, stdTimeFunctions, type Logger } from "pino";
import type { Log, LogEvent } from "../core/log.ts";

/** Linkerd's names of levels, each with what it is here. */
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
export const levelNames = Object.keys(levelOf) as readonly LevelName[];

export interface LogLevel {
  readonly logger: string;
  readonly level: LevelName;
}

/** Where lines go; each call is one line, line feed included. */
export interface LogSink {
  write(line: string): void;
  /** Returns when everything was handed to the system. */
  flush(): void;
}

export interface Logs {
  /** Asking twice gives the same. Names are router labels, namer ids, parts of the process. */
  log(name: string): Log;
  /** Above error: the process is about to end. Written before it returns. */
  fatal(event: LogEvent): void;
  levels(): readonly LogLevel[];
  /** `root` sets all loggers. A name that is not known yet is remembered. false: no such level. */
  setLevel(logger: string, level: string): boolean;
  flush(): void;
}

export function openLogs(sink: LogSink, level: LevelName = "INFO"): Logs {
  return new PinoLogs(sink, level);
}

class PinoLogs implements Logs {
  readonly #sink: LogSink;
  readonly #root: Logger;
  readonly #loggers = new Map<string, Logger>();
  readonly #levels = new Map<string, LevelName>();

  constructor(sink: LogSink, level: LevelName) {
    this.#sink = sink;
    this.#root = pino(
      {
        level: levelOf[level],
        base: null, // neither pid nor host name: whoever collects lines knows both
        timestamp: stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
        serializers: { err: stdSerializers.err, error: stdSerializers.err },
      },
      sink,
    );
    this.#levels.set("root", level);
  }

  log(name: string): Log {
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
    this.flush();
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

  flush(): void {
    this.#sink.flush();
  }
}

/**
 * Standard error (2), standard output (1) or a file, written in the background and as JSON, or as
 * text for people when `isText`. A disk that is full loses lines, and never stops the process.
 */
export function logTo(target: number | string, isText: boolean): LogSink {
  const stream = destination({ dest: target, sync: false, minLength: 0, mkdir: true });
  stream.on("error", () => {});
  return {
    write: (line) => void stream.write(isText ? textOf(line) : line),
    flush: () => {
      try {
        stream.flushSync();
      } catch {
        // Not open yet, or broken: there is nobody to tell.
      }
    },
  };
}

/** `{"level":"info","time":…,"logger":"http","event":"listening","port":4140}` for people. */
export function textOf(line: string): string {
  const { level, time, logger, event, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const shown = Object.entries(fields).map(([name, value]) => `${name}=${showField(value)}`);
  const head = [time, String(level).toUpperCase().padEnd(5), logger ?? "root", event];
  return `${[...head, ...shown].join(" ")}\n`;
}

function showField(value: unknown): string {
  if (typeof value === "string") return /[\s"=]/.test(value) ? JSON.stringify(value) : value;
  if (typeof value !== "object" || value === null) return String(value);
  if ("stack" in value && typeof value.stack === "string") return `\n  ${value.stack}`;
  return JSON.stringify(value);
}
