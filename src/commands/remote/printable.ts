// Text from elsewhere on a terminal, which would obey what is not text.

/** Control characters, and those that reorder or hide text. */
// oxlint-disable-next-line no-control-regex -- these are what is looked for
const unprintable =
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** Line feeds remain. */
export function printable(text: string): string {
  return text.replace(unprintable, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
