// The upper bounds of histograms' buckets, where these count from the start.
const msBounds = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 3e4, 6e4];
const usBounds = [10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6];
const byteBounds = [64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 1e9];
const countBounds = [0, 1, 2, 5, 10, 20, 50, 100, 1e3, 1e4, 1e5, 1e6];

/** By a Prometheus name. Fixed bounds per unit, never derived from samples: series of several processes must line up. */
export function boundsOf(name: string): readonly number[] {
  if (name.endsWith("_us")) return usBounds;
  if (name.endsWith("_bytes")) return byteBounds;
  // Linkerd's `time/2XX`, `connection_duration` and `retries/...` carry no unit in their names.
  if (/_ms$|:time:|_duration$/.test(name)) return msBounds;
  return countBounds;
}
