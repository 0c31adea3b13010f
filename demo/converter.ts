// The converter: validates the request, gets the rate from `rates`, multiplies and rounds.
import { problem, type HttpRequest, type Reply } from "./http.ts";
import { MuxRates } from "./rates/mux.ts";
import { requestRate, type RateClient } from "./rates/client.ts";
import { run, type Self } from "./service.ts";
import { convert } from "./table.ts";
import { ThriftRates } from "./rates/thrift.ts";
import { isProtocol, protocols, type Protocol } from "./via.ts";

type Others = Readonly<Record<Exclude<Protocol, "http">, RateClient>>;

const amountForm = /^\d{1,9}(\.\d{1,6})?$/;

async function convertRequest(self: Self, others: Others, request: HttpRequest): Promise<Reply> {
  const startedMs = performance.now();
  const amountText = (request.query.get("amount") ?? "").trim();
  const from = (request.query.get("from") ?? "").trim().toUpperCase();
  const to = (request.query.get("to") ?? "").trim().toUpperCase();
  const wrong = wrongWith(amountText, from, to);
  if (wrong !== null) return problem(400, wrong);
  const via = request.query.get("via") ?? "http";
  if (!isProtocol(via)) {
    return problem(400, `via: expected one of ${protocols.join(", ")}, got "${via}"`);
  }
  const called =
    via === "http"
      ? await self.call("rates", `/rate?from=${from}&to=${to}`, request)
      : await requestRate(self, others[via], from, to, request);
  if (!called.ok) return called.reply;
  const { rate, digits, date } = called.fields;
  if (typeof rate !== "number" || typeof digits !== "number") {
    return problem(502, "rates responded without a rate");
  }
  const amount = Number(amountText);
  const result = convert(amount, rate, digits);
  const { legs } = called;
  const conversion = { amount, from, to, rate, result, digits, date, via, legs };
  return self.reply(request, startedMs, 200, conversion);
}

function wrongWith(amount: string, from: string, to: string): string | null {
  if (amount.startsWith("-")) return `amount: "${amount}" must not be negative`;
  if (!amountForm.test(amount)) {
    return `amount: expected a number of up to 9 digits, such as 12.50, got "${amount}"`;
  }
  const code = [from, to].find((text) => !/^[A-Z]{3}$/.test(text));
  if (code === undefined) return null;
  return `currency: expected a code of three letters such as USD, got "${code}"`;
}

async function currencies(self: Self, request: HttpRequest): Promise<Reply> {
  const startedMs = performance.now();
  const called = await self.call("rates", "/currencies", request);
  if (!called.ok) return called.reply;
  return self.reply(request, startedMs, 200, { ...called.fields, legs: called.legs });
}

await run("converter", (self) => {
  const others: Others = {
    thrift: new ThriftRates(self.lines.thrift.outgoing),
    mux: new MuxRates(self.lines.mux.outgoing),
  };
  return async (request) => {
    if (request.path === "/convert") return convertRequest(self, others, request);
    if (request.path === "/currencies") return currencies(self, request);
    return problem(404, `converter has /convert and /currencies, not ${request.path}`);
  };
});
