// A reader of `/tap`: what has come, line by line or event by event.
import { request } from "node:http";
import type { IncomingMessage } from "node:http";
import type { TestContext } from "node:test";
import type { CallRecord } from "../../src/core/calls/record.ts";

export interface TapReader {
  readonly status: number;
  readonly contentType: string;
  /** Waits for the next call, or for the next number of calls left out. */
  next(): Promise<CallRecord | { readonly dropped: number }>;
  /** Resolves when the other side has closed. */
  readonly ended: Promise<void>;
  close(): void;
}

export function tap(
  t: TestContext,
  port: number,
  query = "",
  headers: Readonly<Record<string, string>> = {},
): Promise<TapReader> {
  return new Promise((resolve, reject) => {
    const asked = request({ port, host: "127.0.0.1", path: `/tap${query}`, headers, agent: false });
    asked.on("error", reject);
    asked.on("response", (response) => resolve(reader(response, () => asked.destroy())));
    asked.end();
    t.after(() => asked.destroy());
  });
}

function reader(response: IncomingMessage, close: () => void): TapReader {
  const found: string[] = [];
  let rest = "";
  let wake = () => {};
  response.setEncoding("utf8");
  response.on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    // An event is its data here; comments and empty lines only keep the connection alive.
    found.push(
      ...lines.map((line) => line.replace(/^data: /, "")).filter((l) => l.startsWith("{")),
    );
    wake();
  });
  response.on("error", () => {});
  const ended = new Promise<void>((resolve) => response.once("close", resolve));
  return {
    status: response.statusCode ?? 0,
    contentType: response.headers["content-type"] ?? "",
    async next() {
      while (found.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return JSON.parse(found.shift() ?? "") as CallRecord | { readonly dropped: number };
    },
    ended,
    close,
  };
}
