// The last ten minutes of one scope in a fixed piece of memory.

/** What is sampled, in this order. Rates are per second; latencies are milliseconds, NaN: no call. */
export const sampledFields = [
  "calls",
  "successes",
  "failures",
  "retries",
  "pending",
  "p50",
  "p95",
  "p99",
] as const;

export type SampledField = (typeof sampledFields)[number];

/** Samples that are kept: ten minutes, one every five seconds. */
export const samplesKept = 120;

/** Bytes of one series: 3,840. */
export const bytesPerSeries = samplesKept * sampledFields.length * Float32Array.BYTES_PER_ELEMENT;

/** A ring. All series of a process are written at the same positions: `sample` counts from its start. */
export class Series {
  readonly #values = new Float32Array(samplesKept * sampledFields.length).fill(Number.NaN);

  write(sample: number, values: readonly number[]): void {
    const at = (sample % samplesKept) * sampledFields.length;
    for (let field = 0; field < sampledFields.length; field += 1) {
      this.#values[at + field] = values[field] ?? Number.NaN;
    }
  }

  read(sample: number, field: SampledField): number {
    const at = (sample % samplesKept) * sampledFields.length;
    return this.#values[at + sampledFields.indexOf(field)] ?? Number.NaN;
  }

  /** The samples behind `after` up to `last`, at most all that are kept, oldest first. */
  since(after: number, last: number, field: SampledField): number[] {
    const found: number[] = [];
    for (let at = Math.max(after + 1, last - samplesKept + 1, 0); at <= last; at += 1) {
      found.push(this.read(at, field));
    }
    return found;
  }
}
