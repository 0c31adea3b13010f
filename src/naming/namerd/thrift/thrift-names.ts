// A name server asked over ThriftMux: each watch is a long poll, which carries the stamp of what is known.
import type { Clock, Close, Random } from "../../../core/clock.ts";
import { showAddress } from "../../../core/address.ts";
import type { Address } from "../../../core/address.ts";
import { failure } from "../../../core/failure.ts";
import type { Failure } from "../../../core/failure.ts";
import { failed, ok } from "../../../core/live.ts";
import type { State } from "../../../core/live.ts";
import { showDtab } from "../../../core/names/dtab.ts";
import type { Path } from "../../../core/names/path.ts";
import type { DialMessageOptions, DialMessages, MessageWire } from "../../../core/naming.ts";
import { doublingMs } from "../../../core/pacing/backoff.ts";
import type { BackoffRange } from "../../../core/pacing/backoff.ts";
import type { Counter } from "../../../core/stats.ts";
import type { Located } from "../located.ts";
import type { RemoteNames, Sink } from "../remote.ts";
import { loadCodec } from "./codec.ts";
import type { Codec, Fields } from "./codec.ts";
import type { MethodName } from "./structs.ts";
import { pathFields, readAddresses, readDelegation, readTree } from "./trees.ts";

export interface ThriftNamesDeps {
  readonly located: Located;
  readonly namespace: string;
  readonly dial: DialMessages;
  readonly dialOptions: DialMessageOptions;
  readonly retry: BackoffRange;
  readonly clock: Clock;
  readonly random: Random;
  readonly counts: { readonly updates: Counter; readonly errors: Counter };
}

/** Between two polls: changes of a name that come faster are taken together. */
const minPollMs = 10;
const emptyStamp = Buffer.alloc(0);
const noPath: readonly Buffer[] = [];

export class ThriftNames implements RemoteNames {
  readonly #deps: ThriftNamesDeps;
  #codec: Promise<Codec> | null = null;
  /** The session in use, and where it leads. */
  #session: { readonly key: string; readonly wire: MessageWire } | null = null;

  constructor(deps: ThriftNamesDeps) {
    this.#deps = deps;
  }

  get where(): string {
    return this.#deps.located.where;
  }

  howToAsk(path: Path): string {
    return `its HTTP API, if it has one: /api/1/delegate/${this.#deps.namespace}?path=${path}`;
  }

  bind: RemoteNames["bind"] = (dtab, path, sink) => {
    const { namespace: ns } = this.#deps;
    const request = (stamp: Buffer): Fields => ({
      req: {
        dtab: showDtab(dtab),
        name: { stamp, name: pathFields(path), ns },
        clientId: noPath,
      },
    });
    return this.#poll("bind", request, (success) => readTree(success["tree"] as Fields), sink);
  };

  addresses: RemoteNames["addresses"] = (id, sink) => {
    const { namespace: ns } = this.#deps;
    const request = (stamp: Buffer): Fields => ({
      req: { name: { stamp, name: pathFields(id), ns }, clientId: noPath },
    });
    return this.#poll(
      "addr",
      request,
      (success) => readAddresses(success["value"] as Fields),
      sink,
    );
  };

  delegate: RemoteNames["delegate"] = async (dtab, path, signal) => {
    const root = {
      path: pathFields(path),
      dentry: "/=>!",
      contents: { pathLeaf: pathFields(path) },
    };
    const delegation = {
      stamp: emptyStamp,
      tree: { root, nodes: new Map() },
      ns: this.#deps.namespace,
    };
    const args = { req: { dtab: showDtab(dtab), delegation, clientId: noPath } };
    const { success, failure: why } = await new Promise<Fields>((resolve, reject) => {
      const cancel = this.#call("delegate", args, (result) => {
        if ("problem" in result) reject(new Error(result.problem));
        else resolve(result.fields);
      });
      signal.addEventListener("abort", cancel, { once: true });
    });
    if (success === undefined) throw new Error(reasonOf(why));
    return readDelegation((success as Fields)["tree"] as Fields);
  };

  close(): void {
    this.#session?.wire.close();
    this.#session = null;
    this.#deps.located.close();
  }

  #poll<T>(
    method: MethodName,
    request: (stamp: Buffer) => Fields,
    read: (success: Fields) => T,
    sink: Sink<T>,
  ): Close {
    const { clock, random, retry, counts } = this.#deps;
    let stamp = emptyStamp;
    let failures = 0;
    let cancel: Close = () => {};
    let isClosed = false;
    const again = () => {
      counts.errors.value += 1;
      failures += 1;
      cancel = clock.after(doublingMs(failures, retry, 1 / 2, random), next);
    };
    const lost = (problem: string) => {
      stamp = emptyStamp; // another server, or the same after a restart, may know another stamp
      sink.lost(problem);
      again();
    };
    const take = (result: Result) => {
      if (isClosed) return;
      if ("problem" in result) return lost(result.problem);
      const { success, failure: why } = result.fields;
      if (success === undefined) {
        sink.answered(failed(failure("unresolved", reasonOf(why), "safe")));
        return again();
      }
      const state = readState(success as Fields, read);
      if (typeof state === "string") return lost(state);
      stamp = Buffer.from((success as Fields)["stamp"] as Buffer);
      failures = 0;
      counts.updates.value += 1;
      sink.answered(state);
      if (!isClosed) cancel = clock.after(minPollMs, next);
    };
    const next = () => {
      cancel = this.#call(method, request(stamp), take);
    };
    next();
    return () => {
      isClosed = true;
      cancel();
    };
  }

  /** Calls `done` once and later, unless it was closed before. */
  #call(method: MethodName, args: Fields, done: (result: Result) => void): Close {
    let isClosed = false;
    let cancel: Close = () => {};
    const finish = (result: Result) => {
      if (!isClosed) done(result);
    };
    void (this.#codec ??= loadCodec()).then((codec) => {
      if (isClosed) return;
      const { located } = this.#deps;
      const address = located.current;
      if (address === null) return finish({ problem: located.problem });
      const wire = this.#wireTo(address);
      cancel = wire.call(codec.call(method, args), (response) => {
        if (Buffer.isBuffer(response)) return finish(decoded(codec, method, response));
        located.failed(address);
        finish({ problem: (response as Failure).detail });
      });
    });
    return () => {
      isClosed = true;
      cancel();
    };
  }

  #wireTo(address: Address): MessageWire {
    const key = showAddress(address);
    if (this.#session?.key === key) return this.#session.wire;
    const before = this.#session;
    const wire = this.#deps.dial(address, this.#deps.dialOptions);
    this.#session = { key, wire };
    // Its polls end, and go on at the new address.
    before?.wire.close();
    return wire;
  }
}

type Result = { readonly fields: Fields } | { readonly problem: string };

function decoded(codec: Codec, method: MethodName, response: Buffer): Result {
  try {
    return { fields: codec.readReply(method, response) };
  } catch (error) {
    return { problem: `it sent what is not expected: ${(error as Error).message}` };
  }
}

function readState<T>(success: Fields, read: (success: Fields) => T): State<T> | string {
  try {
    if (!Buffer.isBuffer(success["stamp"])) return "it sent a value without a stamp";
    return ok(read(success));
  } catch (error) {
    return `it sent what is not expected: ${(error as Error).message}`;
  }
}

function reasonOf(why: unknown): string {
  const { reason } = (why ?? {}) as { readonly reason?: unknown };
  return typeof reason === "string" && reason !== "" ? reason : "no reason given";
}
