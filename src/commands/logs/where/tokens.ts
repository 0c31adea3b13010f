// The words of `--where`, each with its column.

export interface Token {
  readonly kind: "word" | "text" | "operator" | "open" | "close" | "end";
  /** Of a text, without its quotes. */
  readonly text: string;
  /** 1-based. */
  readonly column: number;
}

/** What is wrong with an expression, and where. */
export interface WhereProblem {
  readonly message: string;
  readonly column: number;
}

const token =
  /\s+|(!=|==|<=|>=|!~|&&|\|\||[<>=~!])|([()])|"([^"]*)"|'([^']*)'|([^\s()<>=~!&|"']+)/y;

/** Values such as `/svc/users`, `2024-01-31T22:00` and `127.0.0.1:80` need no quotes. */
export function tokensOf(expression: string): readonly Token[] | WhereProblem {
  const tokens: Token[] = [];
  const matcher = new RegExp(token);
  for (let at = 0; at < expression.length; at = matcher.lastIndex) {
    matcher.lastIndex = at;
    const match = matcher.exec(expression);
    const column = at + 1;
    if (match === null) return { message: strange(expression[at] ?? ""), column };
    const [, operator, bracket, double, single, word] = match;
    if (operator !== undefined) tokens.push({ kind: "operator", text: operator, column });
    else if (bracket !== undefined) {
      tokens.push({ kind: bracket === "(" ? "open" : "close", text: bracket, column });
    } else if (word !== undefined) tokens.push({ kind: "word", text: word, column });
    else if (double !== undefined || single !== undefined) {
      tokens.push({ kind: "text", text: double ?? single ?? "", column });
    }
  }
  return [...tokens, { kind: "end", text: "the end", column: expression.length + 1 }];
}

function strange(character: string): string {
  return /["']/.test(character)
    ? `the text that begins with ${character} does not end`
    : `${character} has no meaning here; write it in quotes`;
}
