// `failFast: true` of a client: an endpoint that cannot be connected to is dead immediately.
import type { Random } from "../../core/clock.ts";
import type { AccrualMaker, AccrualPolicy } from "../accrual.ts";
import { equalJittered } from "../../core/pacing/backoff.ts";

/** Adds that to a kind of accrual; to none as well. */
export function withFailFast(kind: AccrualMaker, random: Random): AccrualMaker {
  return {
    maxEjectedPercent: kind === null ? 50 : kind.maxEjectedPercent,
    holdBack: kind?.holdBack ?? false,
    policy: (nowMs) => failFastPolicy(kind === null ? forgiving : kind.policy(nowMs), random),
  };
}

const forgiving: AccrualPolicy = {
  succeeded() {},
  failed: () => false,
  deadForMs: () => 1_000, // after a probe that connected and failed
  revived() {},
};

function failFastPolicy(inner: AccrualPolicy, random: Random): AccrualPolicy {
  const backoff = equalJittered(1_000, 32_000, random);
  let isUnreachable = false;
  const policy: AccrualPolicy = {
    succeeded: (nowMs) => inner.succeeded(nowMs),
    failed(nowMs, cannotConnect) {
      isUnreachable = cannotConnect;
      return inner.failed(nowMs, cannotConnect) || cannotConnect;
    },
    deadForMs: () => (isUnreachable ? backoff.nextMs() : inner.deadForMs()),
    revived(nowMs) {
      backoff.reset();
      inner.revived(nowMs);
    },
  };
  const { pushedBack } = inner;
  return pushedBack === undefined ? policy : { ...policy, pushedBack };
}
