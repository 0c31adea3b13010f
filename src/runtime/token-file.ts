// Files with tokens: one a line, so that an old and a new one can be valid together.

const maxTokens = 16;
const minTokenChars = 16;

/** Throws with a text for people, which shows no part of the text. */
export function tokensOf(text: string): readonly string[] {
  const lines = text.split("\n").map((line) => line.trim());
  const tokens = lines.filter((line) => line !== "" && !line.startsWith("#"));
  if (tokens.length === 0) throw new Error("the file has no token: it should be one line of text");
  if (tokens.length > maxTokens) throw new Error(`the file has more than ${maxTokens} tokens`);
  for (const token of tokens) {
    if (!/^[\w.~+/=-]+$/.test(token)) {
      throw new Error("a token may have only letters, digits and -._~+/= (RFC 6750)");
    }
    if (token.length < minTokenChars) {
      throw new Error(`a token is shorter than ${minTokenChars} characters, and can be guessed`);
    }
  }
  return tokens;
}
