// Waiting for what another process does in its own time: looks again until it is so.

const patienceMs = 15_000;

/** Asks again until an answer is as wished; fails with the last one when it takes too long. */
export async function until<T>(
  look: () => Promise<T> | T,
  isGood: (value: T) => boolean,
  what: string,
): Promise<T> {
  const endMs = performance.now() + patienceMs;
  for (let tries = 0; ; tries++) {
    const value = await look();
    if (isGood(value)) return value;
    if (performance.now() > endMs)
      throw new Error(`never: ${what}; last: ${JSON.stringify(value)}`);
    // At first at once, then leaving the processor to whoever is waited for.
    await new Promise((resolve) => (tries < 50 ? setImmediate(resolve) : setTimeout(resolve, 3)));
  }
}
