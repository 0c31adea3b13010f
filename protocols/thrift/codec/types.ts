// How the two encodings number the types of values.

/** The binary encoding is the same for strict and old messages. */
export type ThriftProtocol = "binary" | "compact";

export const binaryType = {
  bool: 2,
  i64: 10,
  string: 11,
  struct: 12,
  map: 13,
  set: 14,
  list: 15,
} as const;

/** Bytes of the binary types that have a fixed number of them, by type; 0 for the others. */
export const binaryBytes: readonly number[] = [0, 0, 1, 1, 8, 0, 2, 0, 4, 0, 8, 0, 0, 0, 0, 0, 16];

export const compactType = {
  true: 1,
  false: 2,
  i8: 3,
  i16: 4,
  i32: 5,
  i64: 6,
  double: 7,
  binary: 8,
  list: 9,
  set: 10,
  map: 11,
  struct: 12,
  uuid: 13,
} as const;
