// A flowing body that several attempts may have, each from its beginning, while it is short enough.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Body, BodySink } from "../../../../protocols/http/codec/body.ts";
import type { Fields } from "../../../../protocols/http/codec/passthrough-fields.ts";
import { replayFilter } from "../../../../protocols/http/filters/replay.ts";
import type { HttpRequest, HttpResponse } from "../../../../protocols/http/message.ts";
import { failure } from "../../../../src/core/failure.ts";
import type { Failure } from "../../../../src/core/failure.ts";
import { ended } from "../../../../src/core/service.ts";
import type { Reply } from "../../../../src/core/service.ts";
import { seeded } from "../../../support/random.ts";
import { request, response } from "../messages.ts";

/** A caller's body: bytes come when the test says so, and only while they are wanted. */
class Source implements Body {
  readonly length;
  readonly whole = null;
  readonly latin1 = null;
  receivedBytes = 0;
  isWanted = false;
  isCancelled = false;
  #sink: BodySink | null = null;

  constructor(length: number | null = null) {
    this.length = length;
  }
  start(sink: BodySink): void {
    assert.equal(this.#sink, null, "started twice");
    this.#sink = sink;
    this.isWanted = true;
  }
  resume(): void {
    this.isWanted = true;
  }
  cancel(): void {
    this.isCancelled = true;
    this.#sink = null;
  }
  /** As a connection's read buffer: it is overwritten when the sink has returned. */
  give(text: string): void {
    const shared = Buffer.from(text);
    this.receivedBytes += shared.length;
    if (this.#sink !== null) this.isWanted = this.#sink.chunk(shared);
    shared.fill("x");
  }
  end(trailers: Fields = []): void {
    this.#sink?.end(trailers);
  }
  fail(why: Failure): void {
    this.#sink?.fail(why);
  }
}

/** One try's end of it. */
class Try implements BodySink {
  text = "";
  trailers: Fields | null = null;
  why: Failure | null = null;
  hasRoom = true;
  chunk(bytes: Uint8Array): boolean {
    this.text += Buffer.from(bytes).toString();
    return this.hasRoom;
  }
  end(trailers: Fields): void {
    this.trailers = trailers;
  }
  fail(why: Failure): void {
    this.why = why;
  }
}

/** Sends a request with that body through the filter; the call then hangs. */
function kept(source: Source, limitBytes: number) {
  const call: HttpRequest = request({ method: "POST", body: source, replayable: false });
  const replies: Reply<HttpResponse>[] = [];
  replayFilter(limitBytes)(call, { start() {}, end() {} }, (_, inner) => {
    replies.push(inner);
    return ended;
  });
  return { call, body: call.body, answer: () => replies[0]?.start(response()) };
}

test("a body that came with its head is left alone", () => {
  const call = request();
  const { body } = call;
  replayFilter(10)(call, { start() {}, end() {} }, () => ended);
  assert.equal(call.body, body);
  assert.equal(call.replayable, true);
});

test("every attempt gets the body from its beginning, and the rest as it comes", () => {
  const source = new Source();
  const { call, body } = kept(source, 100);
  const [first, second, third] = [new Try(), new Try(), new Try()];
  body.start(first);
  source.give("hello ");
  body.cancel();
  body.start(second);
  assert.equal(second.text, "hello ");
  source.give("world");
  source.end(["x-sum", "1"]);
  body.start(third);
  assert.deepEqual([first.text, second.text, third.text], ["hello ", "hello world", "hello world"]);
  assert.deepEqual([first.trailers, third.trailers], [null, ["x-sum", "1"]]);
  assert.equal(call.replayable, true);
  assert.equal(source.isCancelled, false);
});

test("bytes that come between two attempts are kept, and hold the caller", () => {
  const source = new Source();
  const { body } = kept(source, 100);
  body.start(new Try());
  body.cancel();
  source.give("early");
  assert.equal(source.isWanted, false);
  const second = new Try();
  body.start(second);
  assert.equal(second.text, "early");
  assert.equal(source.isWanted, true);
});

test("a body that becomes longer than the limit goes through whole, and cannot be sent again", () => {
  const source = new Source();
  const { call, body } = kept(source, 10);
  const only = new Try();
  body.start(only);
  source.give("0123456789");
  assert.equal(call.replayable, true);
  source.give("a");
  assert.equal(call.replayable, false);
  source.give("b");
  source.end();
  assert.equal(only.text, "0123456789ab");
  body.cancel();
  assert.equal(source.isCancelled, true, "nobody will want the rest");
});

test("a body announced as longer than the limit can be sent again until it is begun", () => {
  const source = new Source(11);
  const { call, body } = kept(source, 10);
  assert.equal(call.replayable, true);
  body.cancel();
  body.start(new Try());
  assert.equal(call.replayable, false);
});

test("with a limit of zero, a body can be sent again until a byte has passed", () => {
  const source = new Source();
  const { call, body } = kept(source, 0);
  const only = new Try();
  body.start(only);
  assert.equal(call.replayable, true);
  source.give("a");
  assert.equal(call.replayable, false);
  assert.equal(only.text, "a");
});

test("nothing is kept once the response goes to the caller", () => {
  const source = new Source();
  const { call, body, answer } = kept(source, 100);
  const only = new Try();
  body.start(only);
  source.give("a");
  answer();
  assert.equal(call.replayable, false);
  source.give("b");
  assert.equal(only.text, "ab");
  assert.throws(() => body.start(new Try()), /bug/);
});

test("an attempt without room holds the caller until it is resumed", () => {
  const source = new Source();
  const { body } = kept(source, 100);
  const slow = new Try();
  slow.hasRoom = false;
  body.start(slow);
  source.give("a");
  assert.equal(source.isWanted, false);
  body.resume();
  assert.equal(source.isWanted, true);
  // The next try is full with what was kept alone.
  source.give("b");
  body.cancel();
  const full = new Try();
  full.hasRoom = false;
  body.start(full);
  assert.equal(full.text, "ab");
  assert.equal(source.isWanted, false);
  body.resume();
  assert.equal(source.isWanted, true);
});

test("a caller that breaks off fails the current attempt, and a later one too", () => {
  const source = new Source();
  const { body } = kept(source, 100);
  const why = failure("cancelled", "left");
  const [first, second] = [new Try(), new Try()];
  body.start(first);
  source.give("a");
  source.fail(why);
  assert.equal(first.why, why);
  body.start(second);
  assert.equal(second.why, why);
});

test("counts the caller's bytes, however often they are sent", () => {
  const source = new Source();
  const { body } = kept(source, 100);
  body.start(new Try());
  source.give("abc");
  body.cancel();
  body.start(new Try());
  assert.equal("receivedBytes" in body && body.receivedBytes, 3);
});

test("no attempt sees a wrong byte, whatever is cut, cancelled or started when", () => {
  for (let seed = 1; seed <= 500; seed++) {
    const random = seeded(seed);
    const whole = Array.from({ length: 1 + Math.floor(random() * 60) }, (_, i) =>
      String.fromCharCode(97 + (i % 26)),
    ).join("");
    const source = new Source(random() < 0.5 ? whole.length : null);
    const limitBytes = Math.floor(random() * 80);
    const { call, body } = kept(source, limitBytes);
    let current = new Try();
    let sent = 0;
    let hasEnded = false;
    body.start(current);
    while (!hasEnded) {
      const chance = random();
      if (chance < 0.2 && call.replayable) {
        body.cancel();
        current = new Try();
        if (random() < 0.7) body.start(current);
        else if (source.isWanted && sent < whole.length) {
          source.give(whole.slice(sent, sent + 1));
          sent += 1;
          body.start(current);
        } else body.start(current);
      } else if (chance < 0.3) current.hasRoom = !current.hasRoom;
      else if (!source.isWanted) body.resume();
      else if (sent < whole.length) {
        const count = 1 + Math.floor(random() * 12);
        source.give(whole.slice(sent, sent + count));
        sent += count;
      } else {
        source.end();
        hasEnded = true;
      }
      assert.ok(whole.startsWith(current.text), `seed ${seed}: ${current.text}`);
    }
    assert.equal(current.text, whole, `seed ${seed}`);
    assert.deepEqual(current.trailers, [], `seed ${seed}`);
  }
});
