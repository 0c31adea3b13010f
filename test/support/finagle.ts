// Real Finagle clients and servers in one JVM for each test file: test/peers/finagle, commanded over pipes.
import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { after } from "node:test";
import type { TestContext } from "node:test";
import { builtFinagle } from "./peers.ts";

type FinagleKind = "thriftmux" | "thrift" | "http";

interface Message {
  /** The Thrift message, or the body of HTTP. */
  readonly payload?: Buffer;
  readonly headers?: readonly (readonly [name: string, value: string])[];
}

interface FinagleRequest extends Message {
  readonly method?: string;
  readonly uri?: string;
  readonly dtab?: string;
  /** Finagle's broadcast contexts by their ids, such as `com.twitter.finagle.tracing.TraceContext`. */
  readonly contexts?: Readonly<Record<string, Buffer>>;
}

interface FinagleResponse extends Message {
  readonly status?: number;
}

interface FinagleResult {
  readonly payload: Buffer;
  /** Of HTTP. */
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** The class of the exception; undefined: there was a response. */
  readonly error?: string;
  readonly message?: string;
  /** Of a failed call, such as `nonretryable`. */
  readonly flags: readonly string[];
}

export interface FinagleServerCall extends Required<FinagleRequest> {
  answer(response: FinagleResponse): void;
  /** "nack" may be sent again, "reject" may not, all other texts are an exception of the service. */
  fail(how: string): void;
  /** Resolves to the reason when the caller gives up. */
  readonly interrupted: Promise<string>;
}

interface FinagleServer {
  readonly port: number;
  /** How many calls came so far. */
  readonly count: number;
  /** The oldest call that nobody has taken yet; only of servers without `handle`. */
  next(): Promise<FinagleServerCall>;
  /** Lets all sessions take calls for so long; resolves when the lease has been written. */
  lease(ms: number): Promise<void>;
  counter(name: string): Promise<number>;
  /** Drains; resolves when all sessions have ended. */
  close(graceMs: number): Promise<void>;
}

interface FinaglePendingCall {
  readonly result: Promise<FinagleResult>;
  cancel(): void;
}

interface FinagleClient {
  begin(request: FinagleRequest): FinaglePendingCall;
  call(request: FinagleRequest): Promise<FinagleResult>;
  counter(name: string): Promise<number>;
  close(graceMs: number): Promise<void>;
}

/** Opportunistic TLS of ThriftMux, with PEM files; keys in PKCS#8. */
interface FinagleTls {
  readonly level: "off" | "desired" | "required";
  readonly certPath: string;
  readonly keyPath: string;
  readonly caPath: string;
  /** Of a client: what the server's certificate has to name. */
  readonly hostname?: string;
}

interface ServerOptions {
  readonly tls?: FinagleTls;
  readonly maxFrameBytes?: number;
  /** Takes the calls in the place of `next`. */
  readonly handle?: (call: FinagleServerCall) => void;
}

interface ClientOptions {
  readonly tls?: FinagleTls;
  readonly timeoutMs?: number;
  readonly requeues?: boolean;
  readonly upgrade?: boolean;
  readonly clientId?: string;
  readonly pingMs?: number;
  readonly maxFrameBytes?: number;
}

interface Finagle {
  serve(kind: FinagleKind, options?: ServerOptions): Promise<FinagleServer>;
  connect(kind: FinagleKind, port: number, options?: ClientOptions): Promise<FinagleClient>;
}

type Line = Readonly<Record<string, unknown>>;

let shared: Jvm | null = null;

after(() => shared?.stop());

/** Null: there is none, and the test is skipped. What the test makes is closed with it. */
export function finagle(t: TestContext): Finagle | null {
  const classPath = builtFinagle(t);
  if (classPath === null) return null;
  const jvm = (shared ??= new Jvm(classPath));
  return {
    serve: (kind, options = {}) => serve(t, jvm, kind, options),
    connect: (kind, port, options = {}) => connect(t, jvm, kind, port, options),
  };
}

/** The process: commands and their results by id, events by the server or the call they are about. */
class Jvm {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #waiting = new Map<number, (line: Line) => void>();
  readonly #listeners = new Map<string, (line: Line) => void>();
  #lastId = 0;
  #errors = "";

  constructor(classPath: string) {
    const quick = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx1g"];
    this.#child = spawn("java", [...quick, "-cp", classPath, "peer.Main"], {
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#errors += text));
    this.#child.stdin.on("error", () => {}); // it ended: told below
    createInterface(this.#child.stdout).on("line", (text) => this.#take(JSON.parse(text) as Line));
    this.#child.once("close", (code) => {
      const line = { error: "Ended", message: `the JVM ended with ${code}: ${this.#errors}` };
      for (const end of this.#waiting.values()) end(line);
    });
  }

  /** `id`: of what the command makes. Never rejects: a failure is a line with `error`. */
  command(words: Line): { readonly id: number; readonly result: Promise<Line> } {
    const id = ++this.#lastId;
    const result = new Promise<Line>((resolve) => this.#waiting.set(id, resolve));
    this.#child.stdin.write(`${JSON.stringify({ ...words, id })}\n`);
    return { id, result };
  }

  /** The result of a command that has to succeed. */
  async obeyed(words: Line): Promise<Line> {
    const line = await this.command(words).result;
    if (line["error"] !== undefined) {
      throw new Error(
        `${String(words["do"])}: ${String(line["error"])}: ${String(line["message"])}`,
      );
    }
    return line;
  }

  /** `what`: such as "call 3" for the events `call` of server 3. */
  listen(what: string, to: (line: Line) => void): void {
    this.#listeners.set(what, to);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const gone = once(this.#child, "close");
    this.#child.kill("SIGKILL");
    await gone;
  }

  #take(line: Line): void {
    if (typeof line["id"] === "number") {
      const end = this.#waiting.get(line["id"]);
      this.#waiting.delete(line["id"]);
      end?.(line);
      return;
    }
    const event = String(line["event"]);
    const about = event === "interrupted" ? line["call"] : line["server"];
    this.#listeners.get(`${event} ${String(about)}`)?.(line);
  }
}

async function serve(
  t: TestContext,
  jvm: Jvm,
  kind: FinagleKind,
  { handle, ...options }: ServerOptions,
): Promise<FinagleServer> {
  const untaken: FinagleServerCall[] = [];
  const takers: ((call: FinagleServerCall) => void)[] = [];
  let count = 0;
  const { id, result } = jvm.command({ do: "serve", kind, ...options });
  jvm.listen(`call ${id}`, (line) => {
    count++;
    const call = callOf(jvm, line);
    const take = handle ?? takers.shift();
    if (take === undefined) untaken.push(call);
    else take(call);
  });
  const { port, error, message } = await result;
  if (error !== undefined) throw new Error(String(message));
  const close = closer(t, jvm, id);
  return {
    port: Number(port),
    get count() {
      return count;
    },
    next() {
      const call = untaken.shift();
      return call === undefined ? new Promise((take) => takers.push(take)) : Promise.resolve(call);
    },
    lease: async (ms) => void (await jvm.obeyed({ do: "lease", server: id, ms })),
    counter: (name) => counter(jvm, id, name),
    close,
  };
}

async function connect(
  t: TestContext,
  jvm: Jvm,
  kind: FinagleKind,
  port: number,
  options: ClientOptions,
): Promise<FinagleClient> {
  const { id, result } = jvm.command({ do: "connect", kind, port, ...options });
  const { error, message } = await result;
  if (error !== undefined) throw new Error(String(message));
  const close = closer(t, jvm, id);
  const begin = (request: FinagleRequest): FinaglePendingCall => {
    const call = jvm.command({ do: "call", client: id, ...toLine(request) });
    return {
      result: call.result.then(resultOf),
      cancel: () => void jvm.command({ do: "cancel", call: call.id }),
    };
  };
  return {
    begin,
    call: (request) => begin(request).result,
    counter: (name) => counter(jvm, id, name),
    close,
  };
}

function closer(t: TestContext, jvm: Jvm, of: number): (graceMs: number) => Promise<void> {
  let isClosed = false;
  const close = async (graceMs: number) => {
    if (isClosed) return;
    isClosed = true;
    await jvm.obeyed({ do: "close", of, graceMs });
  };
  t.after(() => close(0));
  return close;
}

async function counter(jvm: Jvm, of: number, name: string): Promise<number> {
  const { counters } = await jvm.obeyed({ do: "stats", of });
  return (counters as Record<string, number>)[name] ?? 0;
}

function callOf(jvm: Jvm, line: Line): FinagleServerCall {
  const call = line["call"];
  const contexts = Object.entries(line["contexts"] as Record<string, string>);
  return {
    ...resultOf(line),
    method: String(line["method"]),
    uri: String(line["uri"]),
    dtab: String(line["dtab"]),
    contexts: Object.fromEntries(contexts.map(([id, value]) => [id, bytesOf(value)])),
    answer: (response) => void jvm.command({ do: "answer", call, ...toLine(response) }),
    fail: (how) => void jvm.command({ do: "answer", call, fail: how }),
    interrupted: new Promise((resolve) => {
      jvm.listen(`interrupted ${String(call)}`, ({ reason }) => resolve(String(reason)));
    }),
  };
}

const bytesOf = (base64: unknown): Buffer =>
  Buffer.from(typeof base64 === "string" ? base64 : "", "base64");

function resultOf(line: Line): FinagleResult {
  return {
    status: 0,
    headers: [],
    flags: [],
    ...line,
    payload: bytesOf(line["payload"]),
  };
}

function toLine({ payload, contexts = {}, ...rest }: FinagleRequest & FinagleResponse): Line {
  const known = Object.entries(contexts).map(([id, value]) => [id, value.toString("base64")]);
  return { ...rest, payload: payload?.toString("base64"), contexts: Object.fromEntries(known) };
}
