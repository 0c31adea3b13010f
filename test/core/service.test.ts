import assert from "node:assert/strict";
import { test } from "node:test";
import { failure } from "../../src/core/failure.ts";
import type { Failure } from "../../src/core/failure.ts";
import { PendingSlot, stack } from "../../src/core/service.ts";
import type { Filter } from "../../src/core/service.ts";

const left = failure("cancelled", "the caller left");
const late = failure("timeout", "too late");

function recorded(): { readonly reasons: Failure[]; cancel(why: Failure): void } {
  const reasons: Failure[] = [];
  return { reasons, cancel: (why) => void reasons.push(why) };
}

test("a cancellation that comes before the service has returned reaches the call when it has", () => {
  const slot = new PendingSlot();
  const pending = recorded();
  slot.cancel(left);
  slot.cancel(late);
  slot.hold(pending);
  assert.deepEqual(pending.reasons, [left]);
  assert.equal(slot.cancelled, left);
});

test("a cancellation after that goes to the call itself, and not to an attempt that has ended", () => {
  const slot = new PendingSlot();
  const [first, second] = [recorded(), recorded()];
  slot.hold(first);
  slot.clear();
  slot.cancel(left);
  slot.hold(second);
  assert.deepEqual([first.reasons, second.reasons], [[], [left]]);
});

test("a stack calls its filters from the first to the last, and leaves out those that are absent", () => {
  const passed: string[] = [];
  const named = (name: string): Filter<string, never> => {
    return (request, reply, next) => {
      passed.push(name);
      return next(request, reply);
    };
  };
  const service = stack<string, never>([named("first"), null, named("second")], (request) => {
    passed.push(request);
    return recorded();
  });
  service("leaf", { start() {}, end() {} });
  assert.deepEqual(passed, ["first", "second", "leaf"]);
});
