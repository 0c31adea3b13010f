// The tags of one session with an endpoint: which are taken, and by what.
import { firstCallTag } from "../codec/messages.ts";

/**
 * Tags from 2 up. Released tags are reused first, so that numbers stay small. The owner of a session
 * holds a tag until the endpoint has replied: were it released sooner, a late response would go to
 * the wrong call.
 */
export class Tags<T> {
  readonly #maxCount: number;
  /** By tag minus the first tag; null: free. */
  readonly #holders: (T | null)[] = [];
  readonly #free: number[] = [];
  #count = 0;

  constructor(maxCount: number) {
    this.#maxCount = maxCount;
  }

  /** Number of taken tags. */
  get count(): number {
    return this.#count;
  }

  get isFull(): boolean {
    return this.#count >= this.#maxCount;
  }

  /** Takes a tag for a new holder. A tag must be free. */
  take(holder: T): number {
    const index = this.#free.pop() ?? this.#holders.length;
    this.#holders[index] = holder;
    this.#count++;
    return index + firstCallTag;
  }

  get(tag: number): T | null {
    return this.#holders[tag - firstCallTag] ?? null;
  }

  /** The tag stays taken, by another holder. */
  replace(tag: number, holder: T): void {
    this.#holders[tag - firstCallTag] = holder;
  }

  /** Frees the tag; returns its holder, or null when it was free. */
  release(tag: number): T | null {
    const index = tag - firstCallTag;
    const holder = this.#holders[index] ?? null;
    if (holder === null) return null;
    this.#holders[index] = null;
    this.#free.push(index);
    this.#count--;
    return holder;
  }

  /** Frees all tags; returns their holders. */
  releaseAll(): T[] {
    const holders = this.#holders.filter((holder) => holder !== null);
    this.#holders.length = this.#free.length = this.#count = 0;
    return holders;
  }
}
