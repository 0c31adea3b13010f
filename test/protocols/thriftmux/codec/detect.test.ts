// What a ThriftMux server takes the first bytes of a connection for.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { detect, detectBytes } from "../../../../protocols/thriftmux/codec/detect.ts";

interface Vector {
  readonly name: string;
  readonly kind: string;
  readonly hex: string;
  readonly decoded: { readonly protocol: string };
}

const { vectors } = JSON.parse(readFileSync("test/vectors/mux.json", "utf8")) as {
  vectors: readonly Vector[];
};

for (const { name, hex, decoded } of vectors.filter(({ kind }) => kind === "detect")) {
  test(`mux.json, ${name}`, () => {
    const bytes = Buffer.alloc(detectBytes);
    Buffer.from(hex, "hex").copy(bytes);
    const length = Math.min(detectBytes, hex.length / 2);
    assert.equal(detect(bytes, length), decoded.protocol);
    // As soon as it is known, and not sooner.
    const known = Array.from({ length }, (_, i) => detect(bytes, i)).filter(
      (each) => each !== null && each !== decoded.protocol,
    );
    assert.deepEqual(known, []);
  });
}

test("one-way calls in the compact protocol are Thrift", () => {
  assert.equal(detect(Buffer.from("0000000982810104", "hex"), 8), "thrift");
});
