// The outcome of reading text that people wrote.

export interface ParseError {
  /** One line: what was expected, what was found, where; quotes the text around it. */
  readonly message: string;
  /** Where in the text: a 0-based offset in characters, and the same as 1-based line and column. */
  readonly offset: number;
  readonly line: number;
  readonly column: number;
}

export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: ParseError };
