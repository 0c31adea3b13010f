// The rate provider: serves the bundled table of rates, and knows nothing about its callers.
import { readFileSync } from "node:fs";
import { problem, type HttpRequest, type Reply } from "./http.ts";
import { run, type Self } from "./service.ts";
import { serveMuxRates } from "./rates/mux.ts";
import { parseTable, rateBetween, type Table } from "./table.ts";
import { serveThriftRates } from "./rates/thrift.ts";

const file = new URL("../../demo/rates.json", import.meta.url); // from dist/demo, where this runs

function rateOf(self: Self, table: Table, request: HttpRequest, startedMs: number): Reply {
  const codes = { from: request.query.get("from") ?? "", to: request.query.get("to") ?? "" };
  const found = rateBetween(table, codes.from, codes.to);
  if ("unknown" in found) return problem(404, found.unknown);
  return self.reply(request, startedMs, 200, { ...codes, ...found });
}

function currenciesOf(self: Self, table: Table, request: HttpRequest, startedMs: number): Reply {
  const currencies = [...table.currencies].map(([code, { name }]) => ({ code, name }));
  return self.reply(request, startedMs, 200, { date: table.date, currencies });
}

await run("rates", async (self) => {
  const table = parseTable(readFileSync(file, "utf8"));
  const { thrift, mux } = self.lines;
  await Promise.all([
    serveThriftRates(thrift.port, self.instance, table),
    serveMuxRates(mux.port, self.instance, table),
  ]);
  return (request) => {
    const startedMs = performance.now();
    if (request.path === "/rate") return rateOf(self, table, request, startedMs);
    if (request.path === "/currencies") return currenciesOf(self, table, request, startedMs);
    return problem(404, `rates has /rate?from=USD&to=EUR and /currencies, not ${request.path}`);
  };
});
