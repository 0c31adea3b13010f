// Whether the folder of a namer is there, looked at now and then.
import { stat } from "node:fs";
import type { Clock } from "../../core/clock.ts";
import type { SourceTrouble } from "../../core/naming.ts";

const lookEveryMs = 2_000;

/** Looks only when it is asked, in the background: what it says is up to `lookEveryMs` old. */
export class FolderCheck {
  readonly #path: string;
  readonly #clock: Clock;
  #problem: string | null = null;
  #sinceMs = 0;
  #lookedMs = -Infinity;

  constructor(path: string, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
  }

  /** null: it is there, or has not been looked at yet. */
  trouble(): SourceTrouble | null {
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#lookedMs >= lookEveryMs) this.#look(nowMs);
    if (this.#problem === null) return null;
    return {
      kind: "unavailable",
      source: this.#path,
      text: `${this.#path} ${this.#problem}: no name below it exists`,
      advice: "Create the folder (rootDir), or correct the path: it is noticed without a restart.",
      forMs: nowMs - this.#sinceMs,
      isLastGoodKept: false,
    };
  }

  #look(nowMs: number): void {
    this.#lookedMs = nowMs;
    stat(this.#path, (error, found) => {
      const problem =
        error === null ? (found.isDirectory() ? null : "is not a folder") : reasonOf(error);
      if (problem !== null && this.#problem === null) this.#sinceMs = nowMs;
      this.#problem = problem;
    });
  }
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  return code === "ENOENT" ? "does not exist" : `cannot be read (${message})`;
}
