// Versions that count the writes of a namespace: eight bytes, the highest first, as Linkerd's name server.

export function firstVersion(): Uint8Array {
  return versionOf(1n);
}

/** The version of the write after the one with `version`. */
export function nextVersion(version: Uint8Array): Uint8Array {
  return versionOf(countOf(version) + 1n);
}

export function versionOf(count: bigint): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt.asUintN(64, count));
  return bytes;
}

/** 0 for bytes that no write has made. */
export function countOf(version: Uint8Array): bigint {
  return version.length === 8 ? Buffer.from(version).readBigUInt64BE() : 0n;
}

export function isSameVersion(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
