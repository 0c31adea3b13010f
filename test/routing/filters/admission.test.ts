import assert from "node:assert/strict";
import { test } from "node:test";
import { failure } from "../../../src/core/failure.ts";
import { stack } from "../../../src/core/service.ts";
import type { Service } from "../../../src/core/service.ts";
import { admissionFilter } from "../../../src/routing/filters/admission.ts";
import { send } from "../../support/outcome.ts";
import type { HeldCall, TestCall, TestResponse } from "../../support/routing.ts";
import { holding, testCall } from "../../support/routing.ts";

test("one request too many is refused immediately, and may be sent elsewhere", () => {
  const calls: HeldCall[] = [];
  const admitted: Service<TestCall, TestResponse> = stack([admissionFilter(1)], holding(calls));
  const first = send(admitted, testCall());
  const second = send(admitted, testCall());
  assert.deepEqual(
    [second.outcome?.failure?.kind, second.outcome?.failure?.retry],
    ["exhausted", "safe"],
  );
  calls[0]?.respond();
  assert.equal(first.outcome?.failure, null);
  const third = send(admitted, testCall());
  third.cancel(failure("cancelled", "gone"));
  send(admitted, testCall());
  assert.equal(calls.length, 3, "a call that was given up has left its place");
});
