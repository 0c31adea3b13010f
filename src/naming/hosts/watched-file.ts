// A small file of the system, such as /etc/hosts, kept parsed and read again when it has changed.
import { readFileSync, statSync } from "node:fs";
import type { Clock } from "../../core/clock.ts";

/** How often it is looked whether the file has changed. */
const checkMs = 5_000;
const maxBytes = 1_000_000;

export class WatchedFile<T> {
  readonly #path: string;
  readonly #parse: (text: string) => T;
  readonly #clock: Clock;
  #value: T;
  #version = "";
  #checkedAtMs = -Infinity;

  /** A missing or unreadable file is taken for an empty one. */
  constructor(path: string, parse: (text: string) => T, clock: Clock) {
    this.#path = path;
    this.#parse = parse;
    this.#clock = clock;
    this.#value = parse("");
  }

  get value(): T {
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#checkedAtMs >= checkMs) {
      this.#checkedAtMs = nowMs;
      this.#check();
    }
    return this.#value;
  }

  #check(): void {
    try {
      const { mtimeMs, size, ino } = statSync(this.#path);
      const version = `${mtimeMs} ${size} ${ino}`;
      if (version === this.#version || size > maxBytes) return;
      // Synchronous: it is small and local, and must not wait for a thread behind slow lookups.
      this.#value = this.#parse(readFileSync(this.#path, "utf8"));
      this.#version = version;
    } catch {
      this.#value = this.#parse("");
      this.#version = "";
    }
  }
}
