// The language of `--where`: comparisons of fields, joined with `and`, `or`, `not` and parentheses.
import { nearest } from "../../../config/suggest.ts";
import { comparison } from "./comparison.ts";
import type { LoggedCall } from "../logged-call.ts";
import { fieldTypes } from "./fields.ts";
import { tokensOf } from "./tokens.ts";
import type { Token, WhereProblem } from "./tokens.ts";

export type Condition = (call: LoggedCall) => boolean;

const maxChars = 2_000;
const maxDepth = 50;

/** The condition, or the text that explains what is wrong, with the place marked below the expression. */
export function parseWhere(expression: string): Condition | string {
  if (expression.length > maxChars)
    return `it may have ${maxChars} characters, not ${expression.length}`;
  const tokens = tokensOf(expression);
  const result = isProblem(tokens) ? tokens : new Parser(tokens).whole();
  if (typeof result === "function") return result;
  const { message, column } = result;
  const shown = expression.replaceAll(/\s/g, " ");
  return `${message} (column ${column})\n  ${shown}\n  ${" ".repeat(column - 1)}^`;
}

function isProblem(result: readonly Token[] | WhereProblem): result is WhereProblem {
  return !Array.isArray(result);
}

/** Carries a problem out of the recursion; never leaves this file. */
class Wrong extends Error {
  readonly column: number;

  constructor(message: string, { column }: Token) {
    super(message);
    this.column = column;
  }
}

/** By precedence: `or`, `and`, `not`, a comparison. */
class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  whole(): Condition | WhereProblem {
    try {
      const condition = this.#or(0);
      if (this.#next.kind === "end") return condition;
      const wanted =
        this.#next.kind === "close" ? "there is no ( for this" : "expected and or or before";
      throw new Wrong(`${wanted} ${this.#next.text}`, this.#next);
    } catch (error) {
      if (error instanceof Wrong) return { message: error.message, column: error.column };
      throw error;
    }
  }

  get #next(): Token {
    return this.#tokens[this.#at] ?? this.#tokens.at(-1)!;
  }

  #takes(...words: readonly string[]): boolean {
    const { kind, text } = this.#next;
    const isIt = (kind === "word" || kind === "operator") && words.includes(text.toLowerCase());
    if (isIt) this.#at += 1;
    return isIt;
  }

  #or(depth: number): Condition {
    const parts = [this.#and(depth)];
    while (this.#takes("or", "||")) parts.push(this.#and(depth));
    return parts.length === 1 ? parts[0]! : (call) => parts.some((part) => part(call));
  }

  #and(depth: number): Condition {
    const parts = [this.#not(depth)];
    while (this.#takes("and", "&&")) parts.push(this.#not(depth));
    return parts.length === 1 ? parts[0]! : (call) => parts.every((part) => part(call));
  }

  #not(depth: number): Condition {
    const start = this.#next;
    if (depth > maxDepth) throw new Wrong(`more than ${maxDepth} levels of not and (`, start);
    if (this.#takes("not", "!")) {
      const inner = this.#not(depth + 1);
      return (call) => !inner(call);
    }
    if (start.kind !== "open") return this.#comparison();
    this.#at += 1;
    const inner = this.#or(depth + 1);
    if (this.#next.kind !== "close")
      throw new Wrong(`expected ) before ${this.#next.text}`, this.#next);
    this.#at += 1;
    return inner;
  }

  #comparison(): Condition {
    const field = this.#take("word", "a field such as status");
    const type = fieldTypes.get(field.text);
    if (type === undefined) throw new Wrong(unknownField(field.text), field);
    const operator = this.#take("operator", `=, !=, <, <=, >, >=, ~ or !~ after ${field.text}`);
    const value = this.#next;
    if (value.kind !== "word" && value.kind !== "text") {
      throw new Wrong(`expected a value after ${operator.text}, got ${value.text}`, value);
    }
    this.#at += 1;
    const made = comparison({ field: field.text, type, operator: operator.text, value });
    if (typeof made === "function") return made;
    throw new Wrong(made.message, made.of === "operator" ? operator : value);
  }

  #take(kind: Token["kind"], what: string): Token {
    const token = this.#next;
    if (token.kind !== kind) throw new Wrong(`expected ${what}, got ${token.text}`, token);
    this.#at += 1;
    return token;
  }
}

function unknownField(name: string): string {
  const names = [...fieldTypes.keys()];
  const near = nearest(name, names);
  return `there is no field ${name}${near === null ? `; the fields are ${names.join(", ")}` : `; did you mean ${near}?`}`;
}
