// The rate provider over framed binary Thrift: its server, and its client in the converter.
import { createRequire } from "node:module";
import type { Server } from "node:net";
import thrift from "thrift";
import { tookMs } from "../http.ts";
import type { RateOutcome, RateResponse, RateClient } from "./client.ts";
import { rateBetween, type Table } from "../table.ts";

/** The service's name in `Service:method`, by which the sidecars route. */
const serviceName = "rates-thrift";
const responseTimeoutMs = 5_000;

interface RatesClient {
  rate(source: string, target: string): Promise<RateResponse>;
}

const require = createRequire(import.meta.url);
// From dist/demo/rates, where this runs, to the output of the Thrift compiler: see idl/README.md.
const generated = "../../../idl/gen-nodejs/";
const Rates = require(`${generated}Rates.js`) as {
  readonly Processor: new (handler: RatesClient) => unknown;
};
const { Rate, UnknownCurrency } = require(`${generated}rates_types.js`) as {
  readonly Rate: new (fields: RateResponse) => RateResponse;
  readonly UnknownCurrency: new (fields: { text: string }) => Error & { readonly text: string };
};

/** Parts of the package that its types omit. */
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
      server.on("error", () => {}); // only one caller's connection; the others continue
      resolve();
    });
  });
}

interface Line {
  readonly client: RatesClient;
  /** Rejects when the connection is lost. */
  readonly gone: Promise<never>;
}

/** Calls through the sidecar's port, over one connection that is opened on demand. */
export class ThriftRates implements RateClient {
  readonly protocol = "thrift";
  readonly called = `${serviceName}:rate`;
  readonly #port: number;
  #line: Line | null = null;

  constructor(port: number) {
    this.#port = port;
  }

  async request(from: string, to: string): Promise<RateOutcome> {
    const { client, gone } = (this.#line ??= this.#dial());
    try {
      return { kind: "rate", response: await Promise.race([client.rate(from, to), gone]) };
    } catch (error) {
      if (error instanceof UnknownCurrency) return { kind: "unknown", text: error.text };
      return { kind: "failed", text: error instanceof Error ? error.message : String(error) };
    }
  }

  #dial(): Line {
    const connection = thrift.createConnection("127.0.0.1", this.#port, {
      ...framedBinary,
      timeout: responseTimeoutMs,
    });
    const gone = new Promise<never>((_, reject) => {
      const end = (why: string) => {
        if (this.#line?.gone === gone) this.#line = null;
        reject(new Error(why));
        connection.connection.destroy();
      };
      connection.on("error", (error: Error) => end(error.message));
      connection.on("timeout", () => end("no response in time")); // or the connection was idle for this long
      connection.on("close", () => end("the connection was closed"));
    });
    gone.catch(() => {}); // callers that wait see the rejection through Promise.race
    // Safe casts: the types describe generated code of another shape.
    const client = new thrift.Multiplexer().createClient(serviceName, Rates as never, connection);
    return { client: client as RatesClient, gone };
  }
}
