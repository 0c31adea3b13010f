// The table of test/vectors/http.json: what is taken, what is refused, however the bytes arrive.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { HttpRequest } from "../../../protocols/http/message.ts";
import { responseBytes, everySplit, serveBytes } from "./harness.ts";
import type { Read } from "./harness.ts";

type Expected = Readonly<Record<string, unknown>>;

interface Vectors {
  readonly requests: {
    readonly good: readonly {
      readonly name: string;
      readonly bytes: string;
      readonly requests: readonly Expected[];
      readonly closes?: boolean;
    }[];
    readonly refused: readonly {
      readonly name: string;
      readonly bytes: string;
      readonly status: number;
      /** Good requests that are answered before. */
      readonly after?: number;
      /** The head is good, what follows is not. */
      readonly inBody?: boolean;
    }[];
  };
  readonly answers: {
    readonly good: readonly {
      readonly name: string;
      readonly bytes: string;
      readonly answer: Expected;
      readonly reusable: boolean;
      readonly asked?: Partial<HttpRequest>;
      readonly interims?: readonly number[];
      readonly fin?: boolean;
    }[];
    readonly refused: readonly {
      readonly name: string;
      readonly bytes: string;
      readonly kind: string;
      readonly asked?: Partial<HttpRequest>;
      /** The head went out before the bad part came. */
      readonly started?: boolean;
      readonly fin?: boolean;
    }[];
  };
}

const { requests, answers } = JSON.parse(readFileSync("test/vectors/http.json", "utf8")) as Vectors;

/** Only what the table says is compared. */
function assertRead(read: Read | null | undefined, expected: Expected, how: string): void {
  assert.ok(read, how);
  const all: Expected = { ...read.head, body: read.body, trailers: read.trailers };
  for (const [key, value] of Object.entries(expected))
    assert.deepEqual(all[key], value, `${how}: ${key}`);
  assert.equal(read.end, "complete", how);
}

for (const { name, bytes, requests: expected, closes = false } of requests.good) {
  test(`a request is accepted: ${name}`, () => {
    everySplit(bytes, (pieces, how) => {
      // Every second time the body has to flow.
      const limits = pieces.length === 2 ? {} : { maxWholeBodyBytes: 0 };
      const served = serveBytes(pieces, limits);
      assert.equal(served.requests.length, expected.length, how);
      expected.forEach((each, i) => assertRead(served.requests[i], each, how));
      assert.deepEqual(
        served.statuses,
        expected.map(() => 200),
        how,
      );
      assert.equal(served.isClosing, closes, how);
    });
  });
}

for (const { name, bytes, status, after = 0, inBody = false } of requests.refused) {
  test(`a request is refused: ${name}`, () => {
    everySplit(bytes, (pieces, how) => {
      const served = serveBytes(pieces);
      const before = Array.from({ length: after }, () => 200);
      assert.deepEqual(served.statuses, [...before, status], how);
      assert.equal(served.requests.length, inBody ? after + 1 : after, how);
      assert.equal(
        served.requests.every(({ end }, i) => i >= after || end === "complete"),
        true,
      );
      assert.equal(served.isClosing, true, how);
    });
  });
}

for (const { name, bytes, answer, reusable, asked, interims = [], fin = false } of answers.good) {
  test(`a response is accepted: ${name}`, () => {
    everySplit(bytes, (pieces, how) => {
      const got = responseBytes(pieces, asked, fin ? "fin" : "stays");
      assertRead(got.answer, answer, how);
      assert.equal(got.isOver, true, how);
      assert.equal(got.failure, null, how);
      assert.deepEqual(got.interims, interims, how);
      assert.equal(got.isReusable, reusable, how);
    });
  });
}

for (const { name, bytes, kind, asked, started = false, fin = false } of answers.refused) {
  test(`a response is refused: ${name}`, () => {
    everySplit(bytes, (pieces, how) => {
      const got = responseBytes(pieces, asked, fin ? "fin" : "stays");
      assert.equal(got.failure?.kind, kind, how);
      assert.equal(got.answer !== null, started, how);
      if (got.answer !== null) assert.equal((got.answer as Read).end, kind, how);
      assert.equal(got.isReusable, false, how);
    });
  });
}
