// The table of rates, and the arithmetic of a conversion.
import { fieldsOf, isFields } from "./http.ts";

interface Currency {
  readonly name: string;
  /** The amount that one unit of the base currency buys. */
  readonly perBase: number;
  /** Decimal places of amounts in this currency. */
  readonly digits: number;
}

export interface Table {
  /** The date of the rates, such as 2024-12-31. */
  readonly date: string;
  readonly currencies: ReadonlyMap<string, Currency>;
}

/** Throws on a bad table, which is a bug because the table is bundled. */
export function parseTable(text: string): Table {
  const fields = fieldsOf(text);
  const date = fields?.["date"];
  const listed = fields?.["currencies"];
  if (typeof date !== "string" || !isFields(listed)) throw new Error("bug: no table of rates");
  const currencies = new Map<string, Currency>();
  for (const [code, value] of Object.entries(listed)) currencies.set(code, currencyOf(code, value));
  return { date, currencies };
}

function currencyOf(code: string, value: unknown): Currency {
  const { name, perBase, digits } = isFields(value) ? value : {};
  if (typeof name !== "string" || typeof perBase !== "number" || typeof digits !== "number") {
    throw new Error(`bug: the table's entry for ${code} is incomplete`);
  }
  return { name, perBase, digits };
}

/** The amount of `to` that one unit of `from` buys. */
interface RateBetween {
  readonly rate: number;
  /** Decimal places of amounts in `to`. */
  readonly digits: number;
  readonly date: string;
}

/** `unknown` is the code that the table lacks. */
export function rateBetween(
  { currencies, date }: Table,
  from: string,
  to: string,
): RateBetween | { readonly unknown: string } {
  const source = currencies.get(from);
  const target = currencies.get(to);
  if (source !== undefined && target !== undefined) {
    return { rate: target.perBase / source.perBase, digits: target.digits, date };
  }
  const [name, code] = source === undefined ? ["from", from] : ["to", to];
  const known = [...currencies.keys()].join(" ");
  return { unknown: `${name}: no rate for "${code}"; there are ${known}` };
}

/** `amount` in the other currency, rounded half up to its decimal places. */
export function convert(amount: number, rate: number, digits: number): number {
  const scale = 10 ** digits;
  // Fifteen digits first: 1.005 * 100 is 100.49999... in binary, and people expect 1.01.
  return Math.round(Number((amount * rate * scale).toPrecision(15))) / scale;
}
