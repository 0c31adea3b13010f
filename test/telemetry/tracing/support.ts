// Records of calls for tests of exporters.
import type { CallRecord, RecordedAttempt } from "../../../src/core/calls/record.ts";

export function recordedAttempt(changed: Partial<RecordedAttempt> = {}): RecordedAttempt {
  return {
    endpoint: "10.0.0.1:8080",
    bound: "/#/io.l5d.fs/users",
    why: "first",
    spanId: "00000000000000b1",
    startMs: 0.5,
    headMs: 3,
    endMs: 4,
    outcome: "success",
    status: "200",
    failure: null,
    ...changed,
  };
}

/** A GET that took 5 ms, with one attempt. */
export function recordedCall(changed: Partial<CallRecord> = {}): CallRecord {
  return {
    id: "http-1",
    at: "2026-11-28T12:00:00.000Z",
    startedUs: 1_795_867_200_000_123,
    durationMs: 5,
    router: "http",
    server: "127.0.0.1:4140",
    protocol: "http",
    remote: "192.0.2.7:50000",
    method: "GET",
    target: "/users?page=2",
    name: "/svc/users",
    dentry: "/svc=>/#/io.l5d.fs",
    bound: "/#/io.l5d.fs/users",
    residual: "/",
    endpoint: "10.0.0.1:8080",
    status: "200",
    outcome: "success",
    failure: null,
    attempts: [recordedAttempt()],
    retries: 0,
    requeues: 0,
    deadlineLeftMs: null,
    trace: {
      traceId: "00000000000000aa",
      spanId: "00000000000000a1",
      parentId: "00000000000000a0",
      sampled: true,
    },
    receivedBytes: 0,
    sentBytes: 2,
    timing: { bindingMs: 0, queueMs: 0, connectMs: 0, firstByteMs: 3, bodyMs: 2 },
    fault: null,
    headers: {},
    ...changed,
  };
}
