// Remembers what a pure function gave for the strings met lately; bounded, and cheap to hit.

/** A key longer than this is not remembered: one caller must not fill the memory with it. */
const maxKeyLength = 512;

/**
 * Remembers at least the last `maxEntries / 2` different keys and at most `maxEntries`. Two
 * generations instead of a list by age: a hit among the young ones is one `Map.get`, nothing is
 * moved, and a flood of new keys costs no more than making their values.
 */
export function memoized<Value extends NonNullable<unknown>>(
  maxEntries: number,
  make: (key: string) => Value,
  longestKey: number = maxKeyLength,
): (key: string) => Value {
  const half = Math.max(1, maxEntries >> 1);
  let young = new Map<string, Value>();
  let old = new Map<string, Value>();

  const remember = (key: string): Value => {
    if (key.length > longestKey) return make(key);
    const known = old.get(key);
    // A key cut out of a message would keep the whole message alive: copy it. (A slice of a
    // string that was just put together has only that short string behind it.)
    const own = known === undefined ? ` ${key}`.slice(1) : key;
    const value = known ?? make(own);
    if (young.size >= half) {
      old = young;
      young = new Map();
    }
    young.set(own, value);
    return value;
  };
  return (key) => young.get(key) ?? remember(key);
}
