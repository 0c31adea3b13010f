// The calls in progress of one caller's connection, by tag, and the bytes that they hold.
import { heldMemory } from "../../../src/runtime/held-memory.ts";
import type { MuxRequest } from "../message.ts";
import type { ServerCall } from "./call.ts";
import type { ServerLimits } from "./settings.ts";

export class CallTracker {
  readonly #limits: Pick<ServerLimits, "maxOutstanding" | "maxHeldBytes">;
  readonly #byTag = new Map<number, ServerCall>();
  #heldBytes = 0;

  constructor(limits: Pick<ServerLimits, "maxOutstanding" | "maxHeldBytes">) {
    this.#limits = limits;
  }

  get count(): number {
    return this.#byTag.size;
  }

  get(tag: number): ServerCall | undefined {
    return this.#byTag.get(tag);
  }

  has(call: ServerCall): boolean {
    return this.#byTag.get(call.tag) === call;
  }

  /** A snapshot: calls may end while it is iterated. */
  all(): readonly ServerCall[] {
    return Array.from(this.#byTag.values());
  }

  /** Why one more call is refused; null: it is accepted. */
  refusal({ frame }: MuxRequest): string | null {
    const { maxOutstanding, maxHeldBytes } = this.#limits;
    if (this.count >= maxOutstanding) {
      return `${maxOutstanding} calls of this connection are in progress (maxOutstanding)`;
    }
    if (this.count === 0 || this.#heldBytes + frame.length <= maxHeldBytes) return null;
    return `calls of this connection hold ${this.#heldBytes} bytes of at most ${maxHeldBytes} (maxHeldKB)`;
  }

  add(call: ServerCall): void {
    this.#byTag.set(call.tag, call);
    this.#heldBytes += call.request.frame.length;
    heldMemory.add(call.request.frame.length);
  }

  remove(call: ServerCall): void {
    this.#byTag.delete(call.tag);
    this.#heldBytes -= call.request.frame.length;
    heldMemory.release(call.request.frame.length);
  }

  /** Removes and returns all calls. */
  clear(): readonly ServerCall[] {
    const calls = this.all();
    this.#byTag.clear();
    heldMemory.release(this.#heldBytes);
    this.#heldBytes = 0;
    return calls;
  }
}
