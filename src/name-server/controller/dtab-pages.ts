// `/api/1/dtabs`: namespaces listed, read, watched and written.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../../core/clock.ts";
import { computed } from "../../naming/binding/tracker.ts";
import type { Live } from "../../core/live.ts";
import { pending } from "../../core/live.ts";
import { showDtab } from "../../core/names/dtab.ts";
import type { Dtab } from "../../core/names/dtab.ts";
import type { DtabStore, VersionedDtab, Written } from "../dtab-store.ts";
import { accepted, codecOf } from "./dtab-codec.ts";
import { maxBodyBytes, readBody } from "./body.ts";
import { once, respond, stream } from "./reply.ts";

export interface DtabPages {
  /** Any method, as in Linkerd. */
  list(response: ServerResponse, isWatch: boolean): void;
  /** Not in Linkerd: earlier versions, the oldest first. 404 when the storage keeps none. */
  history(response: ServerResponse, name: string): void;
  namespace(
    request: IncomingMessage,
    response: ServerResponse,
    name: string,
    isWatch: boolean,
  ): void;
}

const json = { "content-type": "application/json" };

export function dtabPages(store: DtabStore, clock: Clock): DtabPages {
  const list: DtabPages["list"] = (response, isWatch) => {
    const line = (names: readonly string[]) => JSON.stringify(names);
    if (isWatch) return stream(store.list(), response, json, line);
    return once(store.list(), response, clock, (state) => {
      if (state.kind === "ok") respond(response, 200, `${line(state.value)}\n`, json);
      else respond(response, 500, state.kind === "failed" ? state.why.detail : notKnownYet);
    });
  };
  return {
    list,
    history(response, name) {
      if (store.history === undefined) return respond(response, 404);
      return void store.history(name).then(
        (versions) => {
          const shown = versions.map(({ dtab, version }) => ({
            version: Buffer.from(version).toString("base64"),
            dtab: showDtab(dtab),
          }));
          respond(response, 200, `${JSON.stringify(shown)}\n`, json);
        },
        (error: unknown) => respond(response, 500, (error as Error).message),
      );
    },
    namespace(request, response, name, isWatch) {
      switch (request.method) {
        case "HEAD":
        case "GET":
          return read(request, response, store.observe(name), isWatch, clock);
        case "POST":
          return void write(request, response, (dtab) => store.create(name, dtab));
        case "PUT":
          return void write(request, response, (dtab) => {
            const version = request.headers["if-match"];
            if (version === undefined) return store.put(name, dtab);
            return store.update(name, dtab, Buffer.from(version, "base64"));
          });
        case "DELETE":
          return void finish(response, store.remove(name));
        default:
          return respond(response, 404);
      }
    },
  };
}

const tooLong = `the dtab is longer than ${maxBodyBytes} bytes`;
const notKnownYet = "the storage has not responded yet";

function read(
  request: IncomingMessage,
  response: ServerResponse,
  live: Live<VersionedDtab | null>,
  isWatch: boolean,
  clock: Clock,
): void {
  const { mediaType, codec } = accepted(request.headers.accept);
  const type = { "content-type": mediaType };
  if (isWatch && request.method === "GET") {
    return stream(existing(live), response, type, ({ dtab }) => codec.write(dtab));
  }
  return once(live, response, clock, (state) => {
    if (state.kind === "failed") return respond(response, 500, state.why.detail);
    if (state.kind === "pending") return respond(response, 500, notKnownYet);
    if (state.value === null) return respond(response, 404);
    const { dtab, version } = state.value;
    const etag = { etag: Buffer.from(version).toString("base64") };
    const isHead = request.method === "HEAD";
    return respond(response, 200, `${codec.write(dtab)}\n`, isHead ? etag : { ...type, ...etag });
  });
}

/** A watch of what does not exist says nothing until it does. */
function existing(live: Live<VersionedDtab | null>): Live<VersionedDtab> {
  return computed((tracker) => {
    const state = tracker.read(live, "dtab", () => live);
    if (state.kind !== "ok") return state;
    return state.value === null ? pending : { kind: "ok", value: state.value };
  }, Object.is);
}

async function write(
  request: IncomingMessage,
  response: ServerResponse,
  store: (dtab: Dtab) => Promise<Written>,
): Promise<void> {
  const contentType = request.headers["content-type"];
  const codec = codecOf(contentType);
  if (codec === undefined) {
    const known = "application/json, application/dtab or text/plain";
    const problem = `Invalid Content-Type "${contentType ?? ""}". Expected ${known}.`;
    return respond(response, 400, problem, { connection: "close" });
  }
  const text = await readBody(request);
  if (text === null) return respond(response, 413, tooLong, { connection: "close" });
  const dtab = codec.read(text);
  if (typeof dtab === "string") return respond(response, 400, dtab);
  return finish(response, store(dtab));
}

async function finish(response: ServerResponse, writing: Promise<Written>): Promise<void> {
  const written = await writing;
  switch (written.kind) {
    case "done":
      return respond(response, 204);
    case "exists":
      return respond(response, 409);
    case "missing":
      return respond(response, 404);
    case "mismatch":
      return respond(response, 412);
    case "forbidden":
      return respond(response, 403, written.detail);
    case "invalid":
      return respond(response, 400, written.detail);
    case "failed":
      return respond(response, 500, written.why.detail);
    default:
      return written satisfies never;
  }
}
