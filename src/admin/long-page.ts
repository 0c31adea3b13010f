// Responses of any length: refused beyond a size, sent at the reader's pace, and written in blocks,
// between which the event loop handles calls.
import { Readable } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { TextPage } from "../core/text-page.ts";
import { errorResponse, jsonType, type AdminResponse } from "./page.ts";
import type { Json } from "./views.ts";

export const maxPageBytes = 64 * 1024 * 1024;
const blockChars = 64 * 1024;

/** `advice` says how to get less than the whole; a page that takes long to make has small blocks. */
export function longText(
  page: TextPage,
  contentType: string,
  advice: string,
  chars = blockChars,
): AdminResponse {
  if (page.maxBytes > maxPageBytes) return tooLarge(page.maxBytes, advice);
  // One block ahead of the reader, not sixteen.
  const body = Readable.from(blocksOf(page.pieces(), chars), { highWaterMark: 1 });
  return { status: 200, contentType, body };
}

/** A value of any size as JSON; it must not change while it is sent. */
export async function longJson(value: Json): Promise<AdminResponse> {
  const pieces = () => jsonPieces(value);
  const maxBytes = await measured(pieces());
  return longText({ maxBytes, pieces: () => withNewline(pieces()) }, jsonType, "");
}

/** `{"<key>":[...]}`: each item is made and encoded when the reader is ready for it. */
export function* arrayPieces(key: string, items: Iterable<Json>): Iterable<string> {
  let separator = `{${JSON.stringify(key)}:[`;
  for (const item of items) {
    yield separator + JSON.stringify(item);
    separator = ",";
  }
  yield separator === "," ? "]}\n" : `${separator}]}\n`;
}

function tooLarge(bytes: number, advice: string): AdminResponse {
  const megabytes = (count: number) => `${Math.ceil(count / 1024 / 1024)} MB`;
  const error = `the page would have ${megabytes(bytes)} or more, and no page may have more than ${megabytes(maxPageBytes)}`;
  return errorResponse(503, advice === "" ? error : `${error}: ${advice}`);
}

async function* blocksOf(pieces: Iterable<string>, chars: number): AsyncIterable<string> {
  let block = "";
  for (const piece of pieces) {
    block += piece;
    if (block.length < chars) continue;
    yield block;
    block = "";
    await nextTurn();
  }
  if (block !== "") yield block;
}

/** Stops counting beyond the limit. */
async function measured(pieces: Iterable<string>): Promise<number> {
  let bytes = 0;
  let nextPause = blockChars;
  for (const piece of pieces) {
    bytes += Buffer.byteLength(piece);
    if (bytes > maxPageBytes) break;
    if (bytes < nextPause) continue;
    nextPause = bytes + blockChars;
    await nextTurn();
  }
  return bytes;
}

export function* withNewline(pieces: Iterable<string>): Iterable<string> {
  yield* pieces;
  yield "\n";
}

/** As JSON.stringify. */
function* jsonPieces(value: Json): Iterable<string> {
  if (typeof value !== "object" || value === null) {
    yield JSON.stringify(value) ?? "null";
    return;
  }
  let separator = "";
  if (Array.isArray(value)) {
    yield "[";
    for (const item of value as readonly Json[]) {
      yield separator;
      yield* jsonPieces(item);
      separator = ",";
    }
    yield "]";
    return;
  }
  yield "{";
  for (const [key, inner] of Object.entries(value)) {
    if (inner === undefined) continue;
    yield `${separator}${JSON.stringify(key)}:`;
    yield* jsonPieces(inner);
    separator = ",";
  }
  yield "}";
}
