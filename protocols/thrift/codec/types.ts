// How the two protocols number the types of values, and how many bytes those have.

/** Thrift's word for the encoding of values; `binary` is the same in strict and old messages. */
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

/** How the bytes of a value are laid out, if not as a fixed number of bytes (> 0). */
export const layoutOf = {
  unknown: 0,
  string: -1,
  varint: -2,
  struct: -3,
  list: -4,
  map: -5,
} as const;

const { string, varint, struct, list, map } = layoutOf;

/** By type; a set is laid out as a list. */
export const layouts: Readonly<Record<ThriftProtocol, readonly number[]>> = {
  binary: [0, 0, 1, 1, 8, 0, 2, 0, 4, 0, 8, string, struct, map, list, list, 16],
  // Types 1 and 2 are booleans in a list: the booleans of a struct's fields are in their types.
  compact: [0, 1, 1, 1, varint, varint, varint, 8, string, list, list, map, struct, 16],
};
