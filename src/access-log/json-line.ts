// The JSON lines of access logs.

/** One JSON object as a line of ASCII, line feed included. */
export function jsonLine(fields: object): string {
  const text = JSON.stringify(fields);
  return `${isBeyondAscii.test(text) ? text.replace(beyondAscii, unicode) : text}\n`;
}

/** JSON.stringify has escaped everything below the space; what is left is not ASCII. */
const isBeyondAscii = /[\x7f-\uffff]/;
const beyondAscii = /[\x7f-\uffff]/g;
const unicode = (character: string): string =>
  `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
