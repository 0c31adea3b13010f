// A name server asked over Linkerd's HTTP API: one streamed response for each watch.
import type { Clock, Close, Random } from "../../core/clock.ts";
import { showAddress } from "../../core/address.ts";
import type { Address } from "../../core/address.ts";
import type { Log } from "../../core/log.ts";
import { showDtab } from "../../core/names/dtab.ts";
import { doublingMs } from "../../core/pacing/backoff.ts";
import type { BackoffRange } from "../../core/pacing/backoff.ts";
import type { Counter } from "../../core/stats.ts";
import { readAddresses, readDelegation, readTree } from "./json.ts";
import { beginningOf, LatestLines, maxLineBytes } from "./lines.ts";
import type { Located } from "./located.ts";
import type { RemoteNames, Sink } from "./remote.ts";
import type { Path } from "../../core/names/path.ts";
import type { State } from "../../core/live.ts";

/** As much of undici as is used, which is loaded with the first request. */
interface Http {
  request(
    url: string,
    options: { signal: AbortSignal; headersTimeout: number; bodyTimeout: number; method?: "HEAD" },
  ): Promise<{ statusCode: number; body: AsyncIterable<Buffer> }>;
  close(): void;
}

type Response = Awaited<ReturnType<Http["request"]>>;

export interface HttpNamesDeps {
  readonly located: Located;
  readonly namespace: string;
  readonly scheme: "http" | "https";
  /** Connections of the first request on. */
  openHttp(): Promise<Http>;
  readonly retry: BackoffRange;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly counts: { readonly updates: Counter; readonly errors: Counter };
}

/** The first line of a watch comes immediately when the name server knows it. */
const headersTimeoutMs = 10_000;
/** How long the reason of a refusal may take, and how much of it is read. */
const reasonTimeoutMs = 10_000;
const maxReasonBytes = 4 * 1024;
/** A server that has stopped leaves its connections open: it is asked something small from time to time. */
const probeEveryMs = 5_000;
const probeTimeoutMs = 4_000;

export class HttpNames implements RemoteNames {
  readonly #deps: HttpNamesDeps;
  #http: Promise<Http> | null = null;
  /** The streams that are open, by the address they come from; called to break them. */
  readonly #open = new Map<string, Set<Close>>();
  #cancelProbe: Close = () => {};
  #isProbing = false;

  constructor(deps: HttpNamesDeps) {
    this.#deps = deps;
  }

  get where(): string {
    return this.#deps.located.where;
  }

  howToAsk(path: Path): string {
    const { located, scheme, namespace } = this.#deps;
    const address = located.current;
    const at = address === null ? "HOST:PORT" : showAddress(address);
    return `curl '${scheme}://${at}/api/1/delegate/${namespace}?path=${path}'`;
  }

  bind: RemoteNames["bind"] = (dtab, path, sink) =>
    this.#watch("bind", { path, dtab: showDtab(dtab) }, readTree, sink);

  addresses: RemoteNames["addresses"] = (id, sink) =>
    this.#watch("addr", { path: id }, readAddresses, sink);

  delegate: RemoteNames["delegate"] = async (dtab, path, signal) => {
    const address = this.#deps.located.current;
    if (address === null) throw new Error(this.#deps.located.problem);
    const url = this.#url(address, "delegate", { path, dtab: showDtab(dtab) });
    const response = await this.#request(url, signal);
    const text = await beginningOf(response.body, maxLineBytes + 1);
    if (response.statusCode !== 200) throw new Error(problemOf(response.statusCode, text));
    if (text.length > maxLineBytes) throw new Error(tooLong);
    return readDelegation(JSON.parse(text));
  };

  close(): void {
    this.#cancelProbe();
    for (const streams of this.#open.values()) for (const end of streams) end();
    void this.#http?.then((http) => http.close());
    this.#deps.located.close();
  }

  #watch<T>(
    page: "bind" | "addr",
    query: Readonly<Record<string, string>>,
    read: (json: unknown) => State<T> | null,
    sink: Sink<T>,
  ): Close {
    const { clock, random, retry, counts, located } = this.#deps;
    let isClosed = false;
    let failures = 0;
    let cancel: Close = () => {};
    const again = (problem: string) => {
      if (isClosed) return;
      counts.errors.value += 1;
      failures += 1;
      sink.lost(problem);
      cancel = clock.after(doublingMs(failures, retry, 1 / 2, random), next);
    };
    const next = () => {
      const address = located.current;
      if (address === null) return again(located.problem);
      const url = this.#url(address, page, { ...query, watch: "true" });
      const onLine = (line: string) => {
        const state = parsed(line, read);
        if (typeof state === "string") return state;
        failures = 0;
        counts.updates.value += 1;
        sink.answered(state);
        return null;
      };
      cancel = this.#stream(address, url, onLine, (problem) => {
        located.failed(address);
        again(`${showAddress(address)}: ${problem}`);
      });
    };
    next();
    return () => {
      isClosed = true;
      cancel();
    };
  }

  /** Calls `ended` once, with the reason, unless it was closed before. `onLine` says what is wrong with a line. */
  #stream(
    address: Address,
    url: string,
    onLine: (line: string) => string | null,
    ended: (problem: string) => void,
  ): Close {
    const left = new AbortController();
    const key = showAddress(address);
    let isOver = false;
    const finish = (problem: string | null) => {
      if (isOver) return;
      isOver = true;
      this.#forget(key, broken);
      left.abort();
      if (problem !== null) ended(problem);
    };
    const broken = () => finish("it does not respond");
    this.#remember(key, broken);
    void this.#read(url, left.signal, (line) => {
      const problem = isOver ? null : onLine(line);
      if (problem !== null) finish(problem);
    }).then(finish, (error: unknown) => finish((error as Error).message || String(error)));
    return () => finish(null);
  }

  /** Resolves with the reason when the stream has ended. */
  async #read(url: string, signal: AbortSignal, onLine: (line: string) => void): Promise<string> {
    const response = await this.#request(url, signal);
    if (response.statusCode !== 200) return this.#refusal(response);
    const lines = new LatestLines();
    for await (const chunk of response.body) {
      const latest = lines.take(chunk);
      if (latest === null) return tooLong;
      latest.forEach(onLine);
    }
    return "it ended the watch";
  }

  async #refusal({ statusCode, body }: Response): Promise<string> {
    let cancel: Close = () => {};
    const late = new Promise<string>((resolve) => {
      cancel = this.#deps.clock.after(reasonTimeoutMs, () => resolve(""));
    });
    const reason = await Promise.race([beginningOf(body, maxReasonBytes), late]);
    cancel();
    return problemOf(statusCode, reason);
  }

  async #request(url: string, signal: AbortSignal) {
    const http = await (this.#http ??= this.#deps.openHttp());
    return http.request(url, { signal, headersTimeout: headersTimeoutMs, bodyTimeout: 0 });
  }

  #url(address: Address, page: string, query: Readonly<Record<string, string>>): string {
    const { scheme, namespace } = this.#deps;
    const asked = new URLSearchParams(query);
    return `${scheme}://${showAddress(address)}/api/1/${page}/${namespace}?${asked}`;
  }

  #remember(key: string, end: Close): void {
    let streams = this.#open.get(key);
    if (streams === undefined) this.#open.set(key, (streams = new Set()));
    streams.add(end);
    if (!this.#isProbing) this.#probeLater();
  }

  #forget(key: string, end: Close): void {
    const streams = this.#open.get(key);
    streams?.delete(end);
    if (streams?.size === 0) this.#open.delete(key);
  }

  #probeLater(): void {
    this.#isProbing = true;
    this.#cancelProbe = this.#deps.clock.after(probeEveryMs, () => {
      this.#isProbing = false;
      for (const key of this.#open.keys()) void this.#probe(key);
      if (this.#open.size > 0) this.#probeLater();
    });
  }

  async #probe(key: string): Promise<void> {
    const { scheme, namespace, clock, log } = this.#deps;
    const late = new AbortController();
    const cancel = clock.after(probeTimeoutMs, () => late.abort());
    try {
      const http = await (this.#http ??= this.#deps.openHttp());
      const url = `${scheme}://${key}/api/1/dtabs/${namespace}`;
      const options = { signal: late.signal, headersTimeout: probeTimeoutMs, bodyTimeout: 0 };
      const response = await http.request(url, { ...options, method: "HEAD" });
      await beginningOf(response.body, 0);
    } catch {
      const streams = [...(this.#open.get(key) ?? [])];
      if (streams.length > 0) log.warn({ event: "name server does not respond", address: key });
      for (const end of streams) end();
    } finally {
      cancel();
    }
  }
}

const tooLong = `it sent more than ${maxLineBytes} bytes for one value`;

function problemOf(status: number, text: string): string {
  const reason = text.trim() === "" ? "" : `: ${text.trim().slice(0, 200)}`;
  return `it responded with ${status}${reason}`;
}

/** A name server that ends a watch says why in a last line, which is no JSON. */
function parsed<T>(line: string, read: (json: unknown) => State<T> | null): State<T> | string {
  try {
    return read(JSON.parse(line)) ?? `it sent what is not expected: ${line.slice(0, 200)}`;
  } catch {
    return line.slice(0, 200);
  }
}
