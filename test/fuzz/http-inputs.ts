// Calls and responses of HTTP that are odd, broken or meant to harm.
import type { Random } from "../../src/core/clock.ts";
import { bytes, group, pick, upTo, type Node } from "./draft.ts";
import { dtabText, nameText } from "./name-inputs.ts";

type Part = string | ((random: Random) => string);

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

const oneLine = (text: string): string => text.replaceAll(/[\r\n]/g, " ");

const fields: readonly Part[] = [
  (random) => `l5d-dtab: ${oneLine(dtabText(random))}`,
  (random) => `l5d-ctx-dtab: ${oneLine(dtabText(random))}`,
  "l5d-ctx-deadline: 1 2",
  "l5d-ctx-deadline: 9223372036854775807 9223372036854775807",
  `l5d-ctx-trace: ${Buffer.alloc(40, 255).toString("base64")}`,
  "l5d-ctx-trace: AAAA",
  "x-b3-traceid: ffffffffffffffffffffffffffffffff",
  "x-b3-spanid: 0",
  "x-b3-spanid: 1\r\nx-b3-sampled: d\r\nx-b3-flags: 18446744073709551615",
  "b3: d",
  (random) => `b3: ${"0123456789abcdef-".repeat(random() * 200)}1`,
  "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
  (random) =>
    `traceparent: cc-${"f".repeat(32)}-${"1".repeat(16)}-ff${"-x".repeat(random() * 2_000)}`,
  (random) => `tracestate: ${"a@b=c d, ".repeat(random() * 800)}`,
  (random) => `tracestate: ${oneLine(nameText(random))}`,
  "l5d-sample: NaN",
  "l5d-name: /svc/web",
  (random) => `l5d-name: ${oneLine(nameText(random))}`,
  (random) => `Via: ${"1.1 x, ".repeat(random() * 1_100)}1.1 y`,
  "Via: 1.1 x (a, (b\\), c), d)",
  "Connection: l5d-dtab, via, host, close",
  "Connection: upgrade\r\nUpgrade: websocket",
  "Connection: keep-alive",
  "Expect: 100-continue",
  "Transfer-Encoding: chunked",
  "Transfer-Encoding: gzip, chunked",
  "Content-Length: 5",
  "Content-Length: 0",
  "Content-Length: 99999999999999999999",
  "Max-Forwards: 0",
  "Max-Forwards: 7",
  "l5d-add-context: true",
  "l5d-add-context: true",
  "Forwarded: by=\xff",
  "Finagle-Ctx-com.twitter.finagle.Deadline: 1 2",
  "Finagle-Ctx-com.twitter.finagle.Retries: 3",
  "Trailer: x",
  "TE: trailers",
  "Accept-Encoding: gzip;q=1.0, *;q=0",
  "X-Folded: a\r\n b",
  (random) => `X-Long: ${"x".repeat(upTo(random, 9_000))}`,
  "no colon",
];

const chunk = (random: Random): Node => {
  const data = "x".repeat(upTo(random, 20));
  const extension = pick(random, ["", "", ";x=y", ';q="a;b"', `;${"e".repeat(200)}`]);
  return group(bytes(data.length.toString(16)), bytes(extension), bytes(`\r\n${data}\r\n`));
};

const body = (random: Random): Node => {
  const plain = ["", "", "hello", "zz\r\n", "\xff"];
  if (random() < 0.6) return bytes(pick(random, plain));
  const chunks = Array.from({ length: upTo(random, 4) }, () => chunk(random));
  const trailers = pick(random, ["", "x: y\r\n", "Content-Length: 5\r\n"]);
  return group(...chunks, bytes("0\r\n"), bytes(trailers), bytes("\r\n"));
};

const methods = [
  "GET",
  "GET",
  "POST",
  "POST",
  "HEAD",
  "PUT",
  "OPTIONS",
  "TRACE",
  "CONNECT",
  "G\0T",
];
const versions = ["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0"];
const hosts = ["Host: web", "Host: web", "Host: evil", "Host: nobody", "Host: "];

/** One request, or what looks like one. */
export function httpRequest(random: Random): Node {
  const start = `${pick(random, methods)} ${said(random, targets)} ${pick(random, versions)}`;
  const host = random() < 0.8 ? pick(random, hosts) : `Host: ${segment(random)}`;
  const lines = [start, host];
  for (let more = upTo(random, 3); more > 0; more--) lines.push(said(random, fields));
  return group(...lines.map((line) => bytes(`${line}\r\n`)), bytes("\r\n"), body(random));
}

const responses = [
  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nx: y\r\n\r\n",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n",
  "HTTP/1.0 200 OK\r\n\r\nuntil the end",
  "HTTP/1.1 503 X\r\nl5d-err: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
  "HTTP/1.1 500 X\r\nl5d-err: x\r\nContent-Length: 100000\r\n\r\nhe",
  "HTTP/1.1 502 X\r\nl5d-retryable: true\r\nContent-Length: 3\r\n\r\nbad",
  "HTTP/1.1 503 X\r\nfinagle-http-nack: true\r\nContent-Length: 0\r\n\r\n",
  "HTTP/1.1 200 X\r\nl5d-success-class: 0.5\r\nContent-Length: 0\r\n\r\n",
  "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 500 X\r\nContent-Length: 3\r\n\r\nbad",
  `${"HTTP/1.1 100 Continue\r\n\r\n".repeat(50)}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`,
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nxx",
  "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
  "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
  "HTTP/1.1 99 X\r\n\r\n",
  "\0\x01\x02 no HTTP at all",
];

/** One response, or what looks like one, in lines. */
export function httpResponse(random: Random): Node {
  const lines = pick(random, responses).split(/(?<=\r\n)/);
  const more = random() < 0.3 ? [bytes(`${said(random, fields)}\r\n`)] : [];
  const [start = "", ...rest] = lines;
  return group(bytes(start), ...more, ...rest.map((line) => bytes(line)));
}

const pages = [
  "/delegator.json",
  "/delegator.json",
  "/delegator.json",
  "/http/policy.json",
  "/admin/metrics.json",
  "/admin/metrics/prometheus",
  "/client_state.json",
  "/bound-names.json",
  "/faults.json",
  "/logging.json",
  "/admin/event-loop",
  "/admin/heap",
  "/config.json",
  "/admin",
  "/",
];
const parameters = ["path", "dtab", "namespace", "q", "pretty", "seconds", "x"];
const values: readonly Part[] = [
  nameText,
  nameText,
  dtabText,
  dtabText,
  "http",
  "mux",
  "0.001",
  "-1",
  "NaN",
  "1",
];

/** A request to the admin server; nothing that is meant to stop the process or take it long. */
export function adminRequest(random: Random): Node {
  const parameter = () =>
    `${pick(random, parameters)}=${encodeURIComponent(said(random, values)).slice(0, 12_000)}`;
  const query = Array.from({ length: upTo(random, 4) }, parameter).join("&");
  const head = (start: string, more: string) =>
    group(bytes(`${start} HTTP/1.1\r\n`), bytes("Host: localhost\r\n"), bytes(more), bytes("\r\n"));
  if (random() < 0.75) return head(`GET ${pick(random, pages)}?${query}`, "");
  const json = JSON.stringify({
    namespace: "http",
    dtab: dtabText(random),
    path: nameText(random),
  });
  const length = `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(json)}\r\n`;
  return group(head("POST /delegator.json", length), bytes(Buffer.from(json)));
}
