// The rate provider over framed binary Thrift: its server, and its client in the converter.
import { createRequire } from "node:module";
import type { Server } from "node:net";
import thrift from "thrift";
import { tookMs } from "../http.ts";
import type { Asking, RateAnswer, RateAsker } from "./asker.ts";
import { rateBetween, type Table } from "../table.ts";

/** The service's name in `Service:method`, by which the sidecars route. */
const serviceName = "rates-thrift";
const answerLimitMs = 5_000;

interface RatesClient {
  rate(source: string, target: string): Promise<RateAnswer>;
}

const require = createRequire(import.meta.url);
// From dist/demo/rates, where this runs, to what the Thrift compiler made: see idl/README.md.
const generated = "../../../idl/gen-nodejs/";
const Rates = require(`${generated}Rates.js`) as {
  readonly Processor: new (handler: RatesClient) => unknown;
};
const { Rate, UnknownCurrency } = require(`${generated}rates_types.js`) as {
  readonly Rate: new (fields: RateAnswer) => RateAnswer;
  readonly UnknownCurrency: new (fields: { text: string }) => Error & { readonly text: string };
};

/** What the types of the package leave out. */
const untyped = thrift as unknown as {
  readonly MultiplexedProcessor: new () => {
    registerProcessor(name: string, processor: unknown): void;
  };
  createMultiplexServer(processor: unknown, options: object): Server;
};
const framedBinary = { transport: thrift.TFramedTransport, protocol: thrift.TBinaryProtocol };

/** Serves on the loopback address. Rejects when the port is taken. */
export function serveThriftRates(port: number, instance: string, table: Table): Promise<void> {
  const processor = new untyped.MultiplexedProcessor();
  processor.registerProcessor(
    serviceName,
    new Rates.Processor({
      async rate(source, target) {
        const startedMs = performance.now();
        const found = rateBetween(table, source, target);
        if ("unknown" in found) throw new UnknownCurrency({ text: found.unknown });
        return new Rate({ ...found, instance, tookMs: tookMs(startedMs) });
      },
    }),
  );
  const server = untyped.createMultiplexServer(processor, framedBinary);
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      server.off("error", reject);
      server.on("error", () => {}); // one caller's connection; the others go on
      resolve();
    });
  });
}

interface Line {
  readonly client: RatesClient;
  /** Rejects when the connection is gone. */
  readonly gone: Promise<never>;
}

/** Calls through the sidecar's port, on one connection that is opened when it is needed. */
export class ThriftRates implements RateAsker {
  readonly protocol = "thrift";
  readonly called = `${serviceName}:rate`;
  readonly #port: number;
  #line: Line | null = null;

  constructor(port: number) {
    this.#port = port;
  }

  async ask(from: string, to: string): Promise<Asking> {
    const { client, gone } = (this.#line ??= this.#dial());
    try {
      return { kind: "rate", answer: await Promise.race([client.rate(from, to), gone]) };
    } catch (error) {
      if (error instanceof UnknownCurrency) return { kind: "unknown", text: error.text };
      return { kind: "failed", text: error instanceof Error ? error.message : String(error) };
    }
  }

  #dial(): Line {
    const connection = thrift.createConnection("127.0.0.1", this.#port, {
      ...framedBinary,
      timeout: answerLimitMs,
    });
    const gone = new Promise<never>((_, reject) => {
      const end = (why: string) => {
        if (this.#line?.gone === gone) this.#line = null;
        reject(new Error(why));
        connection.connection.destroy();
      };
      connection.on("error", (error: Error) => end(error.message));
      connection.on("timeout", () => end("no answer in time")); // or nobody asked for so long
      connection.on("close", () => end("the connection was closed"));
    });
    gone.catch(() => {}); // whoever waits for an answer hears of it; mostly nobody does
    // The types know generated code of another shape: the casts.
    const client = new thrift.Multiplexer().createClient(serviceName, Rates as never, connection);
    return { client: client as RatesClient, gone };
  }
}
