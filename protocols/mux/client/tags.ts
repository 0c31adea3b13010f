// The tags of one session towards an endpoint: which are taken, and by what.
import { firstCallTag } from "../codec/messages.ts";

/**
 * Tags from 2 up. A tag that was given back is taken again first, so that numbers stay small. The
 * owner of a session keeps a tag held until the endpoint has answered: were it given back sooner, a
 * late answer would go to the wrong call.
 */
export class Tags<T> {
  readonly #maxCount: number;
  /** By tag, less the first; null: free. */
  readonly #holders: (T | null)[] = [];
  readonly #free: number[] = [];
  #count = 0;

  constructor(maxCount: number) {
    this.#maxCount = maxCount;
  }

  /** Tags that are taken. */
  get count(): number {
    return this.#count;
  }

  get isFull(): boolean {
    return this.#count >= this.#maxCount;
  }

  /** The tag for a new holder. There must be a free one. */
  take(holder: T): number {
    const index = this.#free.pop() ?? this.#holders.length;
    this.#holders[index] = holder;
    this.#count++;
    return index + firstCallTag;
  }

  get(tag: number): T | null {
    return this.#holders[tag - firstCallTag] ?? null;
  }

  /** The tag stays taken, by another. */
  replace(tag: number, holder: T): void {
    this.#holders[tag - firstCallTag] = holder;
  }

  /** Gives the tag back; what held it, or null when it was free. */
  release(tag: number): T | null {
    const index = tag - firstCallTag;
    const holder = this.#holders[index] ?? null;
    if (holder === null) return null;
    this.#holders[index] = null;
    this.#free.push(index);
    this.#count--;
    return holder;
  }

  /** Gives all tags back; what held them. */
  releaseAll(): T[] {
    const holders = this.#holders.filter((holder) => holder !== null);
    this.#holders.length = this.#free.length = this.#count = 0;
    return holders;
  }
}
