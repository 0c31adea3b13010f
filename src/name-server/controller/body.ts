// The body of a request, bounded.
import type { IncomingMessage } from "node:http";

/** As much as Consul stores under a key: some 10,000 entries. Reading a text takes time, which callers of others wait for. */
export const maxBodyBytes = 512 * 1024;

/** null: too long, or cut off. */
export async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBodyBytes) return null;
      chunks.push(chunk);
    }
  } catch {
    return null; // its caller has left
  }
  return Buffer.concat(chunks).toString("utf8");
}
