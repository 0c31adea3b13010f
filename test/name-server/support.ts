// A name server in the test's process, and its HTTP API as a caller uses it.
import type { TestContext } from "node:test";
import { get as httpGet } from "node:http";
import { startProxy } from "../support/proxy.ts";
import type { TestProxy } from "../support/proxy.ts";
import { ask } from "../support/http-request.ts";
import type { ReceivedResponse } from "../support/http-request.ts";

export interface TestNameServer {
  readonly proxy: TestProxy;
  /** Of its HTTP API. */
  readonly port: number;
  ask(
    method: string,
    path: string,
    body?: string,
    headers?: Readonly<Record<string, string>>,
  ): Promise<ReceivedResponse>;
  /** Writes a dtab as text. */
  put(namespace: string, dtab: string): Promise<void>;
  /** The lines of a watch as they come. */
  watch(path: string): Promise<Watched>;
}

export interface Watched {
  /** The next line, without its end; null once the stream has ended. */
  next(): Promise<string | null>;
  close(): void;
}

/** Starts what the YAML says, which needs one `io.l5d.httpController`. */
export async function nameServer(t: TestContext, yaml: string): Promise<TestNameServer> {
  const proxy = await startProxy(t, yaml);
  const port = proxy.running.nameServer?.interfaces[0]?.port ?? 0;
  const call: TestNameServer["ask"] = (method, path, body = "", headers = {}) =>
    ask(port, `/api/1${path}`, { Host: "namerd", ...headers }, method, body);
  return {
    proxy,
    port,
    ask: call,
    async put(namespace, dtab) {
      const type = { "Content-Type": "application/dtab" };
      const { status, body } = await call("PUT", `/dtabs/${namespace}`, dtab, type);
      if (status !== 204) throw new Error(`PUT ${namespace}: ${status} ${body}`);
    },
    watch: (path) => watch(t, `http://127.0.0.1:${port}/api/1${path}`),
  };
}

function watch(t: TestContext, url: string): Promise<Watched> {
  return new Promise((resolve, reject) => {
    const request = httpGet(url, { agent: false }, (response) => {
      const lines: string[] = [];
      const waiting: ((line: string | null) => void)[] = [];
      let rest = "";
      let hasEnded = false;
      response.setEncoding("utf8");
      response.on("data", (text: string) => {
        const parts = (rest + text).split("\n");
        rest = parts.pop() ?? "";
        for (const line of parts) {
          const reader = waiting.shift();
          if (reader === undefined) lines.push(line);
          else reader(line);
        }
      });
      const end = () => {
        hasEnded = true;
        for (const reader of waiting.splice(0)) reader(null);
      };
      response.on("end", end);
      response.on("error", end);
      resolve({
        next: () => {
          const line = lines.shift();
          if (line !== undefined || hasEnded) return Promise.resolve(line ?? null);
          return new Promise((take) => waiting.push(take));
        },
        close: () => request.destroy(),
      });
    });
    request.on("error", reject);
    t.after(() => request.destroy());
  });
}
