// The structs, lists and maps around the value that is being skipped, innermost last.

/** Deeper nesting is refused; no real arguments have it. */
export const maxDepth = 64;

/** `name`: the name of a message, followed by its body. */
export const level = { name: 0, struct: 1, list: 2, map: 3 } as const;
export type NestingLevel = (typeof level)[keyof typeof level];

/** What comes after a value, when it is not an element of a known type (>= 0). */
export const follows = { nothing: -1, field: -2, body: -3 } as const;

/** Holds numbers only, and allocates nothing once its depth has been reached before. */
export class Nesting {
  #depth = 0;
  readonly #kinds: NestingLevel[] = [];
  readonly #elementTypes: number[] = [];
  readonly #keyTypes: number[] = [];
  /** Elements still to come; a map counts keys and values. */
  readonly #left: number[] = [];

  clear(): void {
    this.#depth = 0;
  }

  /** False: too deep. */
  enter(kind: NestingLevel, elementType: number, keyType: number, left: number): boolean {
    const at = this.#depth;
    if (at === maxDepth) return false;
    this.#depth++;
    this.#kinds[at] = kind;
    this.#elementTypes[at] = elementType;
    this.#keyTypes[at] = keyType;
    this.#left[at] = left;
    return true;
  }

  leave(): void {
    this.#depth--;
  }

  /** After a value: one of `follows`, or the type of the element that comes next. */
  next(): number {
    for (let at = this.#depth - 1; at >= 0; at = --this.#depth - 1) {
      const kind = this.#kinds[at] as NestingLevel;
      if (kind === level.struct) return follows.field;
      if (kind === level.name) {
        this.#depth--;
        return follows.body;
      }
      const left = (this.#left[at] as number) - 1;
      this.#left[at] = left;
      if (left > 0) {
        const isKey = kind === level.map && left % 2 === 0;
        return (isKey ? this.#keyTypes : this.#elementTypes)[at] as number;
      }
    }
    return follows.nothing;
  }
}
