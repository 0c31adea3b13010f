// The endpoints of one router, written over by every page: a fleet has tens of thousands, and objects that
// live for one page each would fill the memory before they are collected.
import type { EndpointFacts } from "../views/shapes.ts";

type Writable<T> = { -readonly [K in keyof T]: T[K] };

interface Endpoint {
  readonly facts: Writable<EndpointFacts>;
  readonly minute: { requests: number; successRate: number | null };
  /** The last page that had it. */
  page: number;
}

export class Endpoints {
  readonly #clients = new Map<string, Map<string, Endpoint>>();
  readonly #sameText: (text: string) => string;

  /** `sameText` gives one text for all that are equal: instances share most of their endpoints. */
  constructor(sameText: (text: string) => string) {
    this.#sameText = sameText;
  }

  take(client: string, facts: EndpointFacts, page: number): void {
    let known = this.#clients.get(client);
    if (known === undefined) this.#clients.set(this.#sameText(client), (known = new Map()));
    let endpoint = known.get(facts.address);
    if (endpoint === undefined) {
      const minute = { requests: 0, successRate: null };
      const address = this.#sameText(facts.address);
      endpoint = { facts: { ...facts, address, state: "" }, minute, page };
      known.set(address, endpoint);
    }
    endpoint.page = page;
    write(endpoint, facts);
    if (endpoint.facts.state !== facts.state) endpoint.facts.state = this.#sameText(facts.state);
  }

  /** The page is over: what it did not have is gone. */
  keepOnly(page: number): void {
    for (const [client, endpoints] of this.#clients) {
      for (const [address, endpoint] of endpoints) {
        if (endpoint.page !== page) endpoints.delete(address);
      }
      if (endpoints.size === 0) this.#clients.delete(client);
    }
  }

  /** Each client with its endpoints, which the next page writes over. */
  *byClient(): Iterable<readonly [client: string, endpoints: readonly EndpointFacts[]]> {
    for (const [client, endpoints] of this.#clients) {
      yield [client, Array.from(endpoints.values(), ({ facts }) => facts)];
    }
  }
}

function write({ facts, minute }: Endpoint, next: EndpointFacts): void {
  facts.sinceMs = next.sinceMs;
  facts.latencyMs = next.latencyMs;
  if (
    facts.lastError?.text !== next.lastError?.text ||
    facts.lastError?.at !== next.lastError?.at
  ) {
    facts.lastError = next.lastError;
  }
  if (next.lastMinute === null) facts.lastMinute = null;
  else {
    minute.requests = next.lastMinute.requests;
    minute.successRate = next.lastMinute.successRate;
    facts.lastMinute = minute;
  }
}
