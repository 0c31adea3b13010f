// The states of the walk over a Thrift value, one for each meaning that the next byte can have.

/** What the next byte means. */
export const step = {
  done: 0,
  /** The first byte of a message tells its form. */
  message: 1,
  strictSecond: 2,
  compactSecond: 3,
  compactSeqid: 4,
  /** `#count` bytes of a big-endian number, then `#number`. */
  int32: 5,
  /** Of a binary field, `#type` is known: two bytes of its id. */
  fieldId: 6,
  /** A struct's field, or its end. */
  field: 7,
  listHead: 8,
  mapKey: 9,
  mapValue: 10,
  compactId: 11,
  /** A number that is skipped. */
  varint: 12,
  length: 13,
  listSize: 14,
  mapSize: 15,
  /** The first byte of an old message's name, `#number` bytes long. */
  oldName: 16,
} as const;

export type Step = (typeof step)[keyof typeof step];

/** What the 32-bit number that is being read counts. */
export type Counted = "string" | "strictName" | "oldName" | "list" | "map";
