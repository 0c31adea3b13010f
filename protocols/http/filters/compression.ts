// The key `compressionLevel`: textual responses are compressed for callers that accept it.
import { Buffer } from "node:buffer";
import { createRequire } from "node:module";
import type * as Zlib from "node:zlib";
import { failure } from "../../../src/core/failure.ts";
import type { Failure } from "../../../src/core/failure.ts";
import type { Pending, Reply } from "../../../src/core/service.ts";
import type { Body, BodySink } from "../codec/body.ts";
import { fieldOf, PassthroughFields } from "../codec/passthrough-fields.ts";
import type { Fields } from "../codec/passthrough-fields.ts";
import type { HttpFilter, HttpRequest, HttpResponse } from "../message.ts";
import { acceptedCoding } from "./accept-encoding.ts";
import type { Coding } from "./accept-encoding.ts";

/** Besides `text/*`, as in Finagle's compressor for text. */
const textualTypes: ReadonlySet<string> = new Set([
  "application/atom+xml",
  "application/javascript",
  "application/json",
  "application/rss+xml",
  "application/x-javascript",
  "application/xhtml+xml",
  "application/xml",
  "image/svg+xml",
]);

/** `level` is 1 (fast) to 9 (small). zlib is loaded here: files without the key do without it. */
export function compression(level: number): HttpFilter {
  const zlib = createRequire(import.meta.url)("node:zlib") as typeof Zlib;
  return (request, reply, next) => {
    const call = new CompressedCall(request, reply, zlib, level);
    call.hold(next(request, call));
    return call;
  };
}

/** Passes a response on, or with a compressed body, whose end it awaits before it ends. */
class CompressedCall implements Reply<HttpResponse>, Pending {
  readonly #request: HttpRequest;
  readonly #reply: Reply<HttpResponse>;
  readonly #zlib: typeof Zlib;
  readonly #level: number;
  #pending: Pending | null = null;
  #body: CompressedBody | null = null;
  /** The call below has ended well; the rest of its body is being compressed. */
  #isEnding = false;

  constructor(request: HttpRequest, reply: Reply<HttpResponse>, zlib: typeof Zlib, level: number) {
    this.#request = request;
    this.#reply = reply;
    this.#zlib = zlib;
    this.#level = level;
  }

  hold(pending: Pending): void {
    this.#pending = pending;
  }

  start(response: HttpResponse): void {
    if (!isCompressible(this.#request, response)) return this.#reply.start(response);
    const coding = acceptedCoding(fieldOf(this.#request.fields.list, "accept-encoding"));
    const fields = PassthroughFields.of(fieldsFor(response.fields.list, coding));
    if (coding === null) return this.#reply.start({ ...response, fields });
    const body = new CompressedBody(response.body, this.#compressor(coding, response.body), () =>
      this.#bodyEnded(),
    );
    this.#body = body;
    return this.#reply.start({ ...response, fields, body });
  }

  end(why: Failure | null): void {
    if (this.#body === null) return this.#reply.end(why);
    if (why === null) {
      this.#isEnding = true;
      return undefined;
    }
    this.#body.close();
    this.#body = null;
    return this.#reply.end(why);
  }

  cancel(why: Failure): void {
    if (!this.#isEnding) return this.#pending?.cancel(why);
    this.#isEnding = false;
    return this.end(why);
  }

  #bodyEnded(): void {
    this.#body = null;
    if (this.#isEnding) this.#reply.end(null);
  }

  /** A body of unknown length may be a stream of events: what has come goes out at once. */
  #compressor(coding: Coding, { length }: Body): Zlib.Gzip | Zlib.Deflate {
    const { constants, createGzip, createDeflate } = this.#zlib;
    const flush = length === null ? constants.Z_SYNC_FLUSH : constants.Z_NO_FLUSH;
    const options = { level: this.#level, flush };
    return coding === "gzip" ? createGzip(options) : createDeflate(options);
  }
}

function isCompressible({ method }: HttpRequest, response: HttpResponse): boolean {
  const { status, body, fields, upgrade } = response;
  if (method === "HEAD" || upgrade !== null || body.length === 0) return false;
  if (status < 200 || status === 204 || status === 206 || status === 304) return false;
  const { list } = fields;
  if (!isTextual(fieldOf(list, "content-type"))) return false;
  if (fieldOf(list, "content-encoding") !== null) return false;
  return fieldOf(list, "cache-control")?.toLowerCase().includes("no-transform") !== true;
}

function isTextual(contentType: string | null): boolean {
  if (contentType === null) return false;
  const [type = ""] = contentType.split(";", 1);
  const lower = type.trim().toLowerCase();
  return lower.startsWith("text/") || textualTypes.has(lower);
}

/**
 * Caches must know that the body depends on Accept-Encoding, compressed or not. A compressed body has
 * other bytes: ranges do not apply to it, and its tag is a weak one (RFC 9110 section 8.8.1).
 */
function fieldsFor(fields: Fields, coding: Coding | null): Fields {
  const changed: Fields = [];
  for (let i = 0; i < fields.length; i += 2) {
    const [name = "", value = ""] = [fields[i], fields[i + 1]];
    const lower = name.toLowerCase();
    if (coding !== null && lower === "accept-ranges") continue;
    const isStrong = coding !== null && lower === "etag" && value.startsWith('"');
    changed.push(name, isStrong ? `W/${value}` : value);
  }
  changed.push("Vary", "Accept-Encoding");
  if (coding !== null) changed.push("Content-Encoding", coding);
  return changed;
}

/** Owns the compressor, which works on another thread. */
class CompressedBody implements Body, BodySink {
  readonly length = null;
  readonly whole = null;
  readonly latin1 = null;
  readonly #source: Body;
  readonly #compressor: Zlib.Gzip | Zlib.Deflate;
  readonly #ended: () => void;
  #trailers: Fields = [];
  #isClosed = false;

  /** `ended` is called after the sink has had the last byte, or cannot get it. */
  constructor(source: Body, compressor: Zlib.Gzip | Zlib.Deflate, ended: () => void) {
    this.#source = source;
    this.#compressor = compressor;
    this.#ended = ended;
  }

  /** Frees the compressor; nothing more is written. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#compressor.destroy();
  }

  // Body

  start(sink: BodySink): void {
    this.#compressor
      .on("data", (bytes: Buffer) => {
        if (!sink.chunk(bytes)) this.#compressor.pause();
      })
      .on("drain", () => this.#source.resume())
      .on("end", () => this.#finish(() => sink.end(this.#trailers)))
      .on("error", ({ message }) => {
        this.#finish(() => sink.fail(failure("malformed", `cannot compress: ${message}`)));
      });
    const { whole } = this.#source;
    if (whole === null) this.#source.start(this);
    else this.#compressor.end(whole);
  }

  resume(): void {
    this.#compressor.resume();
  }

  cancel(): void {
    this.close();
    this.#source.cancel();
    this.#ended();
  }

  // BodySink

  chunk(bytes: Uint8Array): boolean {
    if (this.#isClosed) return true;
    return this.#compressor.write(Buffer.from(bytes)); // a copy: it is compressed later
  }

  end(trailers: Fields): void {
    this.#trailers = trailers;
    if (!this.#isClosed) this.#compressor.end();
  }

  fail(): void {
    this.close(); // the call ends with the reason
  }

  #finish(tell: () => void): void {
    if (this.#isClosed) return;
    this.close();
    tell();
    this.#ended();
  }
}
