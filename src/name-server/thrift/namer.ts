// The service Namer: each method of idl/namer.thrift on the namespaces of this process.
import type { Clock, Close } from "../../core/clock.ts";
import type { State } from "../../core/live.ts";
import { emptyDtab, parseDtab, showDtab } from "../../core/names/dtab.ts";
import type { Dtab } from "../../core/names/dtab.ts";
import { readDelegation } from "../../naming/binding/delegation.ts";
import type { Codec, Fields } from "../../naming/namerd/thrift/codec.ts";
import type { MethodName } from "../../naming/namerd/thrift/structs.ts";
import {
  addressFields,
  delegationFields,
  readPath,
  treeFields,
} from "../../naming/namerd/thrift/trees.ts";
import type { Namespaces } from "../namespaces.ts";
import type { Polls } from "./polls.ts";

export interface NamerParts {
  readonly namespaces: Namespaces;
  readonly polls: Polls;
  readonly clock: Clock;
}

type Respond = (result: Fields) => void;
/** Responds once; the result cancels it. Throws on arguments that cannot be. */
type Handler = (req: Fields, respond: Respond, parts: NamerParts) => Close;

const delegateTimeoutMs = 2_000;

const handlers: Readonly<Record<MethodName, Handler>> = {
  bind(req, respond, { namespaces, polls }) {
    const { stamp, path, ns } = nameOf(req);
    const local = dtabOf(req["dtab"]);
    const text = showDtab(local);
    const live = namespaces.bind(ns, path, local, text);
    return polls.poll(`bind ${ns} ${path} ${text}`, live, stamp, treeFields, (state) => {
      respond(
        resultOf(state, (sent) => ({ stamp: sent.stamp, tree: sent.fields, ns }), {
          name: req["name"],
          ns,
        }),
      );
    });
  },

  addr(req, respond, { namespaces, polls }) {
    const { stamp, path } = nameOf(req);
    const live = namespaces.addresses(path);
    return polls.poll(`addr ${path}`, live, stamp, addressFields, (state) => {
      respond(
        resultOf(state, (sent) => ({ stamp: sent.stamp, value: sent.fields }), {
          name: req["name"],
        }),
      );
    });
  },

  delegate(req, respond, { namespaces, clock }) {
    const { tree, ns } = (req["delegation"] ?? {}) as { tree?: { root?: Fields }; ns?: string };
    const root = tree?.root ?? {};
    const { pathLeaf } = (root["contents"] ?? {}) as { pathLeaf?: unknown };
    const path = readPath(pathLeaf ?? root["path"]);
    const live = namespaces.delegate(ns ?? "", path, dtabOf(req["dtab"]));
    return readDelegation(live, clock, delegateTimeoutMs, (state) => {
      const stamp = Buffer.alloc(0);
      respond(
        resultOf(state, (value) => ({ stamp, tree: delegationFields(value), ns: ns ?? "" }), {}),
      );
    });
  },

  dtab(req, respond, { namespaces, polls }) {
    const ns = String(req["ns"] ?? "");
    const live = namespaces.dtab(ns);
    return polls.poll(`dtab ${ns}`, live, stampOf(req["stamp"]), showDtab, (state) => {
      respond(resultOf(state, (sent) => ({ stamp: sent.stamp, dtab: sent.fields }), {}));
    });
  },
};

/** Responds to the bytes of one call; the result cancels it. */
export function answer(
  payload: Buffer,
  respond: (response: Buffer) => void,
  codec: Codec,
  parts: NamerParts,
): Close {
  let seqid = 0;
  let method = "";
  try {
    const message = codec.readCall(payload);
    ({ seqid, method } = message);
    if (message.kind === "unknown") {
      respond(codec.exception(method, seqid, `Invalid method name: '${method}'`, true));
      return nothing;
    }
    const { req } = message.args;
    if (req === undefined) throw new Error("the argument req is missing");
    const reply: Respond = (result) => respond(codec.reply(message.method, message.seqid, result));
    return handlers[message.method](req as Fields, reply, parts);
  } catch (error) {
    respond(codec.exception(method, seqid, (error as Error).message, false));
    return nothing;
  }
}

const nothing: Close = () => {};

/** Its exception has the reason, and says what was asked where its struct has room for that. */
function resultOf<T>(
  state: State<T>,
  success: (value: T) => Fields,
  asked: { readonly name?: unknown; readonly ns?: string },
): Fields {
  if (state.kind === "ok") return { success: success(state.value) };
  const reason = state.kind === "failed" ? state.why.detail : "not resolved yet";
  // Safe cast: the name came out of the same struct.
  return { failure: { reason, retryInSeconds: 0, ...(asked as Fields) } };
}

function nameOf(req: Fields) {
  const { stamp, name, ns } = (req["name"] ?? {}) as Fields;
  return { stamp: stampOf(stamp), path: readPath(name), ns: String(ns ?? "") };
}

function stampOf(stamp: unknown): Buffer {
  return Buffer.isBuffer(stamp) ? Buffer.from(stamp) : Buffer.alloc(0);
}

function dtabOf(text: unknown): Dtab {
  if (typeof text !== "string" || text === "") return emptyDtab;
  const parsed = parseDtab(text);
  if (parsed.ok) return parsed.value;
  throw new Error(`Invalid dtab: ${parsed.error.message}`);
}
