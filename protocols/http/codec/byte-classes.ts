// Classes of bytes: one lookup per question of the grammar (RFC 9110, 9112, 3986).

const tokenBit = 1;
const valueBit = 2;
const targetBit = 4;
const hostBit = 8;

/** For each byte, the sum of its classes. */
const classes = new Uint8Array(256);

function add(bit: number, characters: string): void {
  for (const character of characters) {
    const code = character.charCodeAt(0);
    classes[code] = (classes[code] ?? 0) | bit;
  }
}

function addRange(bit: number, first: number, last: number): void {
  for (let code = first; code <= last; code++) classes[code] = (classes[code] ?? 0) | bit;
}

const alphanumerics = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
add(tokenBit, `!#$%&'*+-.^_\`|~${alphanumerics}`);
// Field values and reasons: HTAB, SP, visible characters and bytes from 0x80 (obs-text).
addRange(valueBit, 0x20, 0x7e);
addRange(valueBit, 0x80, 0xff);
add(valueBit, "\t");
// Visible characters. A fragment must never be sent: some servers interpret what follows `#` and
// others ignore it.
addRange(targetBit, 0x21, 0x7e);
addRange(targetBit, 0x80, 0xff);
classes[0x23] = (classes[0x23] ?? 0) & ~targetBit;
// A host: reg-name and IP-literal, without the comma that would join two hosts.
add(hostBit, `-._~%!$&'()*+;=:[]${alphanumerics}`);

export function isToken(code: number): boolean {
  return ((classes[code] ?? 0) & tokenBit) !== 0;
}

export function isValue(code: number): boolean {
  return ((classes[code] ?? 0) & valueBit) !== 0;
}

export function isTarget(code: number): boolean {
  return ((classes[code] ?? 0) & targetBit) !== 0;
}

export function isHost(code: number): boolean {
  return ((classes[code] ?? 0) & hostBit) !== 0;
}

export function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** The value of a hexadecimal digit, or -1. */
export function hexValue(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
