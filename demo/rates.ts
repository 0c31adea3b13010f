// The rate provider: knows the bundled table of rates, and nothing of who asks.
import { readFileSync } from "node:fs";
import { problem, type Asked, type Reply } from "./http.ts";
import { run, type Self } from "./service.ts";
import { parseTable, type Table } from "./table.ts";

const file = new URL("../../demo/rates.json", import.meta.url); // from dist/demo, where this runs

function rateOf(self: Self, table: Table, asked: Asked, startedMs: number): Reply {
  const codes = { from: asked.query.get("from") ?? "", to: asked.query.get("to") ?? "" };
  for (const [name, code] of Object.entries(codes)) {
    if (table.currencies.has(code)) continue;
    const known = [...table.currencies.keys()].join(" ");
    return problem(404, `${name}: no rate for "${code}"; there are ${known}`);
  }
  const from = table.currencies.get(codes.from);
  const to = table.currencies.get(codes.to);
  if (from === undefined || to === undefined) throw new Error("bug: both were just looked up");
  return self.answer(asked, startedMs, 200, {
    ...codes,
    rate: to.perBase / from.perBase,
    digits: to.digits,
    date: table.date,
  });
}

function currenciesOf(self: Self, table: Table, asked: Asked, startedMs: number): Reply {
  const currencies = [...table.currencies].map(([code, { name }]) => ({ code, name }));
  return self.answer(asked, startedMs, 200, { date: table.date, currencies });
}

await run("rates", (self) => {
  const table = parseTable(readFileSync(file, "utf8"));
  return (asked) => {
    const startedMs = performance.now();
    if (asked.path === "/rate") return rateOf(self, table, asked, startedMs);
    if (asked.path === "/currencies") return currenciesOf(self, table, asked, startedMs);
    return problem(404, `rates has /rate?from=USD&to=EUR and /currencies, not ${asked.path}`);
  };
});
