// Calls and responses of HTTP that are odd, broken or meant to harm, made of a seed.
import type { Random } from "../../src/core/clock.ts";

type Part = string | ((random: Random) => string);

function pick<T>(random: Random, all: readonly T[]): T {
  return all[Math.floor(random() * all.length)] as T; // never beyond the end: random() < 1
}

function said(random: Random, parts: readonly Part[]): string {
  const part = pick(random, parts);
  return typeof part === "string" ? part : part(random);
}

const segments = ["web", "foo.com", "%00", "%ff", "..", "\xe9\xff", "*", "#", "$", "a;b", ""];
const segment = (random: Random) => pick(random, [...segments, "a".repeat(3_000)]);

const targets: readonly Part[] = [
  (random) => `/${segment(random)}/${segment(random)}?${segment(random)}`,
  (random) => `http://${segment(random)}/${segment(random)}`,
  (random) => `//${segment(random)}`,
  "/",
  "*",
  "https://[::1]:99999/x",
  "no-path",
];

const fields: readonly Part[] = [
  "l5d-dtab: /svc => /svc & /svc & /svc",
  "l5d-dtab: /svc/* => .*/a",
  "l5d-dtab: /svc => ~ | ! | $",
  (random) => `l5d-ctx-dtab: /a => /${segment(random)}`,
  "l5d-ctx-deadline: 1 2",
  "l5d-ctx-deadline: 9223372036854775807 9223372036854775807",
  `l5d-ctx-trace: ${Buffer.alloc(40, 255).toString("base64")}`,
  "l5d-ctx-trace: AAAA",
  "l5d-sample: NaN",
  "l5d-name: /svc/web",
  (random) => `Via: ${"1.1 x, ".repeat(random() * 1_100)}1.1 y`,
  "Connection: l5d-dtab, via, host, close",
  "Connection: upgrade\r\nUpgrade: websocket",
  "Expect: 100-continue",
  "Transfer-Encoding: chunked",
  "Transfer-Encoding: gzip, chunked",
  "Content-Length: 5",
  "Content-Length: 99999999999999999999",
  "Max-Forwards: 0",
  "Max-Forwards: 7",
  "l5d-add-context: true",
  "l5d-add-context: true",
  "Forwarded: by=\xff",
];

const bodies = ["", "", "hello", "5\r\nhello\r\n0\r\n\r\n", "5;x=y\r\nhello\r\n", "zz\r\n", "\xff"];
const methods = ["GET", "POST", "HEAD", "OPTIONS", "TRACE", "TRACE", "CONNECT", "G\0T"];
const versions = ["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0"];

/** One request, or what looks like one; latin1. */
export function hostileRequest(random: Random): string {
  const start = `${pick(random, methods)} ${said(random, targets)} ${pick(random, versions)}`;
  const hosts = ["Host: web", "Host: web", "Host: nobody", "Host: ", `Host: ${segment(random)}`];
  const lines = [start, pick(random, hosts)];
  for (let more = Math.floor(random() * 4); more > 0; more--) lines.push(said(random, fields));
  return `${lines.join("\r\n")}\r\n\r\n${pick(random, bodies)}`;
}

const answers = [
  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n",
  "HTTP/1.0 200 OK\r\n\r\nuntil the end",
  "HTTP/1.1 503 X\r\nl5d-err: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
  "HTTP/1.1 500 X\r\nl5d-err: x\r\nContent-Length: 100000\r\n\r\nhe",
  "HTTP/1.1 502 X\r\nl5d-retryable: true\r\nContent-Length: 3\r\n\r\nbad",
  "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 500 X\r\nContent-Length: 3\r\n\r\nbad",
  `${"HTTP/1.1 100 Continue\r\n\r\n".repeat(50)}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`,
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nxx",
  "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
  "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
  "HTTP/1.1 99 X\r\n\r\n",
  "\0\x01\x02 no HTTP at all",
];

/** One answer, or what looks like one; latin1. */
export function hostileAnswer(random: Random): string {
  return pick(random, answers);
}
