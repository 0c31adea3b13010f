// Random messages, good ones and damaged ones. The same seed gives the same messages.
import type { Random } from "../../../src/core/clock.ts";

function pick<T>(random: Random, from: readonly T[]): T {
  const item = from[Math.floor(random() * from.length)];
  if (item === undefined) throw new Error("nothing to pick from");
  return item;
}

function text(random: Random, maxLength: number): string {
  const length = Math.floor(random() * maxLength);
  return Array.from({ length }, () => pick(random, ["a", "b", "0", "\r\n", "x y", ":", ";"])).join(
    "",
  );
}

function chunked(random: Random, body: string): string {
  let encoded = "";
  for (let at = 0; at < body.length;) {
    const size = 1 + Math.floor(random() * (body.length - at));
    const extension = random() < 0.2 ? ";a=b" : "";
    encoded += `${size.toString(16)}${extension}\r\n${body.slice(at, at + size)}\r\n`;
    at += size;
  }
  const trailer = random() < 0.2 ? "X-Sum: 1\r\n" : "";
  return `${encoded}0\r\n${trailer}\r\n`;
}

function framed(random: Random, fields: string, untilClose = false): string {
  const body = text(random, 30);
  const how = random();
  if (how < 0.4) return `${fields}Content-Length: ${body.length}\r\n\r\n${body}`;
  if (how < 0.8) return `${fields}Transfer-Encoding: chunked\r\n\r\n${chunked(random, body)}`;
  return untilClose ? `${fields}\r\n${body}` : `${fields}\r\n`;
}

function someFields(random: Random): string {
  const all = [
    "Accept: */*\r\n",
    "X-Empty:\r\n",
    "cookie: a=b; c=d\r\n",
    "Via: 1.1 x\r\n",
    "X-T: \t v \t\r\n",
  ];
  return all.filter(() => random() < 0.4).join("");
}

/** One to three requests on one connection. */
export function randomRequests(random: Random): string {
  const count = 1 + Math.floor(random() * 3);
  return Array.from({ length: count }, () => {
    const method = pick(random, ["GET", "POST", "PUT", "DELETE", "OPTIONS"]);
    const target = pick(random, ["/", "/a?b=c", "/a/../b", "http://b:80/x", "//c/", "/%00"]);
    return framed(random, `${method} ${target} HTTP/1.1\r\nHost: a\r\n${someFields(random)}`);
  }).join("");
}

export function randomAnswer(random: Random): string {
  const interim = random() < 0.2 ? "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" : "";
  const line = pick(random, ["200 OK", "404 Not Found", "500 ", "299 Odd one"]);
  const version = pick(random, ["1.1", "1.1", "1.1", "1.0"]);
  const fields = `HTTP/${version} ${line}\r\n${someFields(random)}`;
  if (version === "1.0") return `${fields}\r\n${text(random, 20)}`;
  return interim + framed(random, fields, true);
}

const damage = [
  "\r",
  "\n",
  "\r\n",
  "\u0000",
  " ",
  "\t",
  ":",
  ";",
  ",",
  "0",
  "9",
  "f",
  "\u007f",
  "\u00ff",
  "chunked",
  "Content-Length: 3\r\n",
  "Transfer-Encoding: chunked\r\n",
];

/** One to three bytes or words inserted, removed or replaced, mostly where framing is. */
export function mutated(message: string, random: Random): string {
  let result = message;
  for (let i = 1 + Math.floor(random() * 3); i > 0; i--) {
    const at = Math.floor(random() * result.length);
    const removed = random() < 0.5 ? 1 : 0;
    const inserted = random() < 0.7 ? pick(random, damage) : "";
    result = result.slice(0, at) + inserted + result.slice(at + removed);
  }
  return result;
}
