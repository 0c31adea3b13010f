// Numbers of many series in few arrays: an array of its own costs each series as much as what is in it.

export interface Place<A> {
  readonly values: A;
  /** Where its numbers begin. */
  readonly at: number;
}

const placesPerSlab = 512;

/** Hands out places of `size` numbers, all zero. */
export class Slabs<A extends Float32Array | Float64Array> {
  readonly #size: number;
  readonly #make: (length: number) => A;
  readonly #free: Place<A>[] = [];

  constructor(size: number, make: (length: number) => A) {
    this.#size = size;
    this.#make = make;
  }

  take(): Place<A> {
    if (this.#free.length === 0) {
      const values = this.#make(this.#size * placesPerSlab);
      for (let place = placesPerSlab - 1; place >= 0; place -= 1) {
        this.#free.push({ values, at: place * this.#size });
      }
    }
    return this.#free.pop()!;
  }

  /** The place must not be used any more. */
  giveBack(place: Place<A>): void {
    place.values.fill(0, place.at, place.at + this.#size);
    this.#free.push(place);
  }
}
