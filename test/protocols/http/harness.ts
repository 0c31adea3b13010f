// Server and client connections on sockets without a kernel: bytes in, requests and responses out.
import { ClientCall } from "../../../protocols/http/client/call.ts";
import { ClientConnection } from "../../../protocols/http/client/connection.ts";
import type { ClientSettings } from "../../../protocols/http/client/settings.ts";
import { wholeBody } from "../../../protocols/http/codec/body.ts";
import type { Body } from "../../../protocols/http/codec/body.ts";
import { defaultLimits } from "../../../protocols/http/codec/limits.ts";
import type { HttpLimits } from "../../../protocols/http/codec/limits.ts";
import { PassthroughFields } from "../../../protocols/http/codec/passthrough-fields.ts";
import type { Fields } from "../../../protocols/http/codec/passthrough-fields.ts";
import { isRefusal } from "../../../protocols/http/codec/refusal.ts";
import type { HttpRequest, HttpResponse } from "../../../protocols/http/message.ts";
import { ServerConnection } from "../../../protocols/http/server/connection.ts";
import type { Failure } from "../../../src/core/failure.ts";
import { Pool } from "../../../src/net/pool.ts";
import { simulatedClock } from "../../support/clock.ts";
import { FakeSocket } from "../../support/fake-socket.ts";
import { plainDialOptions, wireStats } from "../../support/http.ts";
import { request as makeRequest } from "./messages.ts";

/** What was made of a message, whatever way its bytes came. */
export interface Read {
  readonly head: Readonly<Record<string, unknown>>;
  body: string;
  trailers: Fields;
  /** "complete", or what was wrong with the body. */
  end: string;
}

function collect(body: Body, into: Read, whenComplete: () => void = () => {}): void {
  const complete = () => {
    into.end = "complete";
    whenComplete();
  };
  if (body.latin1 !== null) {
    into.body = body.latin1;
    return complete();
  }
  return body.start({
    chunk(bytes) {
      into.body += Buffer.from(bytes).toString("latin1");
      return true;
    },
    end(trailers) {
      into.trailers = trailers;
      complete();
    },
    fail(why) {
      into.end = why.kind;
    },
  });
}

const emptyRead = { body: "", trailers: [], end: "incomplete" };

export interface ServedBytes {
  readonly requests: readonly Read[];
  /** Status codes in the order they were written. */
  readonly statuses: readonly number[];
  /** We said that no more comes. */
  readonly isClosing: boolean;
}

/** Gives the pieces to a server one after the other; each request is answered when it is complete. */
export function serveBytes(
  pieces: readonly string[],
  limits: Partial<HttpLimits> = {},
): ServedBytes {
  const requests: Read[] = [];
  const statuses: number[] = [];
  const socket = new FakeSocket();
  void new ServerConnection(socket.link, {
    limits: { ...defaultLimits, ...limits },
    clock: simulatedClock(),
    service: (request, reply) => {
      const read: Read = { head: headOf(request), ...emptyRead };
      requests.push(read);
      collect(request.body, read, () => {
        reply.start(okay);
        reply.end(null);
      });
      return { cancel: (why) => reply.end(why) };
    },
    renderFailure: (why) => ({
      status: isRefusal(why) ? why.status : 502,
      reason: "Refused",
      fields: [],
      body: new Uint8Array(0),
    }),
    onCompleted: ({ status }) => void statuses.push(status),
    opened() {},
    closed() {},
  });
  for (const piece of pieces) {
    if (!socket.hasEnded && !socket.destroyed) socket.receive(piece);
  }
  return { requests, statuses, isClosing: socket.hasEnded || socket.destroyed };
}

const okay: HttpResponse = {
  status: 200,
  reason: "OK",
  version: "1.1",
  fields: new PassthroughFields(""),
  via: null,
  context: null,
  verdict: null,
  body: wholeBody(Buffer.from("ok")),
  upgrade: null,
};

function headOf(request: HttpRequest): Record<string, unknown> {
  const { method, target, version, host, absoluteScheme, fields, via, context } = request;
  return {
    method,
    target,
    version,
    host,
    absoluteScheme,
    fields: fields.list,
    via,
    context,
    upgrade: request.upgrade,
  };
}

export interface AnsweredBytes {
  readonly answer: Read | null;
  readonly interims: readonly number[];
  readonly failure: Failure | null;
  readonly isOver: boolean;
  /** The connection is in the pool again. */
  readonly isReusable: boolean;
}

/** Gives the pieces to a client that asked once; `end` is a FIN at the end. */
export function responseBytes(
  pieces: readonly string[],
  asked: Partial<HttpRequest> = {},
  end: "stays" | "fin" = "stays",
  limits: Partial<HttpLimits> = {},
): AnsweredBytes {
  const socket = new FakeSocket();
  const clock = simulatedClock();
  const stats = wireStats();
  const options = { ...plainDialOptions, limits: { ...defaultLimits, ...limits } };
  const settings: ClientSettings = { clock, stats, options, name: "endpoint:80" };
  let open: () => void = () => {};
  const pool: Pool<ClientConnection> = new Pool(
    { ...options, name: "endpoint:80" },
    (opened) => {
      open = () => opened(new ClientConnection(socket.link, settings, pool));
      return () => {};
    },
    clock,
    stats,
  );
  const interims: number[] = [];
  let answer: Read | null = null;
  let failure: Failure | null = null;
  let isOver = false;
  const request = makeRequest({
    ...asked,
    interims: { interim: (status) => void interims.push(status) },
  });
  const call = new ClientCall(
    request,
    {
      start(response) {
        const { status, reason, version, fields, context } = response;
        const via = response.via?.replace(/(, )?1\.[01] switchyard$/, "") || null;
        const head = { status, reason, version, fields: fields.list, via, context };
        answer = { head, ...emptyRead };
        collect(response.body, answer);
      },
      end(why) {
        failure = why;
        isOver = true;
      },
    },
    settings,
  );
  call.run(pool);
  open();
  for (const piece of pieces) if (!socket.destroyed) socket.receive(piece);
  if (end === "fin" && !socket.destroyed) socket.emit("end");
  return { answer, interims, failure, isOver, isReusable: stats.pooled === 1 };
}

/** Calls back with the whole, every cut in two (of long texts, many), and every byte alone. */
export function everySplit(text: string, check: (pieces: string[], how: string) => void): void {
  check([text], "in one piece");
  const step = Math.ceil(text.length / 200);
  for (let cut = 1; cut < text.length; cut += step) {
    check([text.slice(0, cut), text.slice(cut)], `cut at ${cut}`);
  }
  check(Array.from(text), "byte by byte");
}
