import assert from "node:assert/strict";
import type { TextPage } from "../../src/core/text-page.ts";

/** The whole text of a page, which must not be longer than it said. */
export async function textOf(rendering: Promise<TextPage> | TextPage): Promise<string> {
  const { maxBytes, pieces } = await rendering;
  const text = Array.from(pieces()).join("");
  const bytes = Buffer.byteLength(text);
  assert.ok(bytes <= maxBytes, `${bytes} bytes, at most ${maxBytes} were announced`);
  return text;
}
