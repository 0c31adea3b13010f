// Asks a Prometheus for numbers by router and service.
import type { Getter } from "../scrape/get.ts";
import { isFields } from "../page/checks.ts";

const maxResponseBytes = 8 * 1024 * 1024;
/** Series of one response that are read. */
const maxSeries = 5_000;

export interface PrometheusAddress {
  /** Without `/api/v1`. */
  readonly url: string;
  readonly timeoutMs: number;
}

/** The values of one router and service: one of an instant query, several of a range. */
export interface Values {
  readonly router: string;
  /** With the slash that its label leaves out. */
  readonly service: string;
  /** By time in ms; NaN is left out. */
  readonly points: readonly (readonly [atMs: number, value: number])[];
}

export class PrometheusClient {
  readonly #at: PrometheusAddress;
  readonly #getter: Getter;

  constructor(at: PrometheusAddress, getter: Getter) {
    this.#at = at;
    this.#getter = getter;
  }

  /** As of that time. A text says why there are none. Never rejects. */
  at(atMs: number, query: string): Promise<readonly Values[] | string> {
    return this.#ask("query", { query, time: `${atMs / 1_000}` });
  }

  range(query: string, fromMs: number, toMs: number, stepMs: number) {
    const seconds = (ms: number) => `${ms / 1_000}`;
    const times = { start: seconds(fromMs), end: seconds(toMs), step: seconds(stepMs) };
    return this.#ask("query_range", { query, ...times });
  }

  close(): void {
    this.#getter.close();
  }

  async #ask(what: string, parameters: Readonly<Record<string, string>>) {
    const { url, timeoutMs } = this.#at;
    const { origin, pathname } = new URL(url);
    const path = `${pathname.replace(/\/$/, "")}/api/v1/${what}?${new URLSearchParams(parameters)}`;
    const pieces: Buffer[] = [];
    const onChunk = (chunk: Buffer) => {
      pieces.push(chunk);
      return null;
    };
    const why = await this.#getter.get({
      origin,
      path,
      timeoutMs,
      maxBytes: maxResponseBytes,
      onChunk,
    });
    if (why !== null) return `Prometheus at ${url} ${why.text}`;
    const values = valuesIn(Buffer.concat(pieces).toString("utf8"));
    return (
      values ?? `${url} does not respond as a Prometheus does: is it one, and is the path right?`
    );
  }
}

function valuesIn(text: string): readonly Values[] | null {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return null;
  }
  const data = isFields(body) && isFields(body["data"]) ? body["data"] : null;
  const result = data?.["result"];
  if (!Array.isArray(result)) return null;
  return (result as unknown[]).slice(0, maxSeries).filter(isFields).map(valuesOf);
}

function valuesOf({ metric, value, values }: Readonly<Record<string, unknown>>): Values {
  const labels = isFields(metric) ? metric : {};
  const label = (name: string) => (typeof labels[name] === "string" ? labels[name] : "");
  const points = Array.isArray(values) ? (values as unknown[]) : [value];
  return {
    router: label("rt"),
    service: `/${label("service")}`,
    points: points.flatMap((point) => {
      const [at, number] = Array.isArray(point) ? (point as unknown[]) : [];
      const parsed = Number(number);
      return typeof at === "number" && Number.isFinite(parsed)
        ? [[at * 1_000, parsed] as const]
        : [];
    }),
  };
}
