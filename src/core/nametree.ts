// How a name may be bound: alternatives, weighted unions, and the three ends.

/** `alt` is tried in order, `union` split by weight. */
export type NameTree<T> =
  | { readonly kind: "leaf"; readonly value: T }
  | { readonly kind: "alt"; readonly trees: readonly NameTree<T>[] }
  | { readonly kind: "union"; readonly branches: readonly Weighted<T>[] }
  | { readonly kind: "neg" } // `~` no such name: an enclosing alt goes on
  | { readonly kind: "empty" } // `$` the name exists and has no addresses
  | { readonly kind: "fail" }; // `!` stop: an enclosing alt must not go on

export interface Weighted<T> {
  readonly weight: number;
  readonly tree: NameTree<T>;
}

export const neg: NameTree<never> = { kind: "neg" };
export const empty: NameTree<never> = { kind: "empty" };
export const fail: NameTree<never> = { kind: "fail" };

export function leaf<T>(value: T): NameTree<T> {
  return { kind: "leaf", value };
}
