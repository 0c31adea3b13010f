// The rate provider: knows the bundled table of rates, and nothing of who asks.
import { readFileSync } from "node:fs";
import { problem, type Asked, type Reply } from "./http.ts";
import { run, type Self } from "./service.ts";
import { serveMuxRates } from "./rates/mux.ts";
import { parseTable, rateBetween, type Table } from "./table.ts";
import { serveThriftRates } from "./rates/thrift.ts";

const file = new URL("../../demo/rates.json", import.meta.url); // from dist/demo, where this runs

function rateOf(self: Self, table: Table, asked: Asked, startedMs: number): Reply {
  const codes = { from: asked.query.get("from") ?? "", to: asked.query.get("to") ?? "" };
  const found = rateBetween(table, codes.from, codes.to);
  if ("unknown" in found) return problem(404, found.unknown);
  return self.answer(asked, startedMs, 200, { ...codes, ...found });
}

function currenciesOf(self: Self, table: Table, asked: Asked, startedMs: number): Reply {
  const currencies = [...table.currencies].map(([code, { name }]) => ({ code, name }));
  return self.answer(asked, startedMs, 200, { date: table.date, currencies });
}

await run("rates", async (self) => {
  const table = parseTable(readFileSync(file, "utf8"));
  const { thrift, mux } = self.lines;
  await Promise.all([
    serveThriftRates(thrift.port, self.instance, table),
    serveMuxRates(mux.port, self.instance, table),
  ]);
  return (asked) => {
    const startedMs = performance.now();
    if (asked.path === "/rate") return rateOf(self, table, asked, startedMs);
    if (asked.path === "/currencies") return currenciesOf(self, table, asked, startedMs);
    return problem(404, `rates has /rate?from=USD&to=EUR and /currencies, not ${asked.path}`);
  };
});
