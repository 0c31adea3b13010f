/** The demo's rate provider, as it is called over Thrift. */
namespace js rates

/** A code that is not in the table; the text says which, and lists those that are. */
exception UnknownCurrency {
  1: string text
}

/** How much of `target` one of `source` buys, and who says so. */
struct Rate {
  1: double rate
  /** Decimal places that amounts of the target have. */
  2: i32 digits
  /** The day the rate is of, such as 2024-12-31. */
  3: string date
  /** The instance that answered. */
  4: string instance
  /** From the call to its answer, inside the service. */
  5: double tookMs
}

service Rates {
  Rate rate(1: string source, 2: string target) throws (1: UnknownCurrency unknown)
}
