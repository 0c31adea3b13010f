// One-way calls of a connection, to which some endpoints respond nonetheless.
import { lastScan } from "../codec/envelope.ts";
import type { ThriftRequest, ThriftResponse } from "../message.ts";

/** Of more calls than this only the latest are remembered. */
const maxRemembered = 64;

type OnewayCall = Pick<ThriftRequest, "method" | "seqid">;

/**
 * A server that treats a one-way call like any other responds with an empty frame or a reply. Nobody
 * awaits that, and it arrives before the response to the next call.
 */
export class OnewayCalls {
  readonly #calls: OnewayCall[] = [];

  get isEmpty(): boolean {
    return this.#calls.length === 0;
  }

  sent({ method, seqid }: ThriftRequest): void {
    if (this.#calls.length === maxRemembered) this.#calls.shift();
    this.#calls.push({ method, seqid });
  }

  /** Whether `response`, the last one read, is to one of the calls, which is then forgotten. */
  take(response: ThriftResponse): boolean {
    const index = response.outcome === "oneway" ? 0 : this.#indexOf(response);
    if (index < 0) return false;
    this.#calls.splice(index, 1);
    return true;
  }

  #indexOf({ frame }: ThriftResponse): number {
    const { seqid, nameAt, nameEnd } = lastScan;
    const name = frame.toString("utf8", nameAt, nameEnd);
    return this.#calls.findIndex(
      (call) => call.seqid === seqid && (call.method === name || call.method.endsWith(`:${name}`)),
    );
  }
}
