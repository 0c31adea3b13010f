// Calls of Thrift and mux that are slow for once, and are sent to a second endpoint.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { muxClient, muxService } from "../support/mux-peer.ts";
import type { MuxCall } from "../support/mux-peer.ts";
import { startProxy } from "../support/proxy.ts";
import type { TestProxy } from "../support/proxy.ts";
import { rawCaller, rawEndpoint } from "../support/raw.ts";
import type { RawPeer } from "../support/raw.ts";
import { discovery } from "../support/discovery.ts";
import { until } from "../support/until.ts";
import { binary, framed, read, textResult } from "../support/thrift-bytes.ts";

/** A router in front of two endpoints; `service` and `client` are further keys of theirs. */
function proxied(
  t: TestContext,
  protocol: string,
  ports: readonly number[],
  service: string,
  client = "",
) {
  const { rootDir } = discovery(t, { calc: ports });
  return startProxy(
    t,
    `
namers: [{ kind: io.l5d.fs, rootDir: ${rootDir} }]
routers:
- protocol: ${protocol}
  dtab: /svc => /#/io.l5d.fs/calc ;
  servers: [{ port: 0 }]
  service: { ${service} }
  client:
    hedge: { percentile: 95, maxExtraLoadPercent: 100 }
    ${client}`,
  );
}

/** Asks until the proxy knows how long a call takes. */
function usual(proxy: TestProxy, protocol: string, ask: () => Promise<unknown>): Promise<number> {
  return until(
    async () => {
      await ask();
      return proxy.metric(`rt/${protocol}/client/#/io.l5d.fs/calc/hedge/delay_ms`);
    },
    (delayMs) => delayMs > 0,
    "a delay is known",
  );
}

const traceKey = "com.twitter.finagle.tracing.TraceContext";

const spanOf = ({ contexts }: MuxCall): string =>
  contexts.find(([key]) => key === traceKey)?.[1].toString("hex", 0, 8) ?? "";

// Side by side: each waits some seconds until the hedge knows what is slow.
describe("a call that is slow for once", { concurrency: true }, () => {
  test("a mux call that is unusually slow is sent to another endpoint; the first attempt is discarded", async (t) => {
    const slow: MuxCall[] = [];
    const handle = (call: MuxCall) => {
      if (call.text !== "slow") call.ok(`did ${call.text}`);
      else if (slow.push(call) === 2) call.ok("second");
    };
    const [one, two] = [await muxService(t, handle), await muxService(t, handle)];
    const proxy = await proxied(t, "mux", [one.port, two.port], "idempotent: true");
    const client = await muxClient(t, proxy.port);
    await usual(proxy, "mux", () => client.dispatch({ payload: "quick" }));
    const contexts = [[traceKey, Buffer.alloc(32, 7)]] as const;
    const dtab = [["/a", "/b"]] as const;
    const answer = await client.dispatch({ dst: "/left/over", contexts, dtab, payload: "slow" });
    assert.equal(answer.text, "second");
    const [first, second] = slow;
    assert.ok(first !== undefined && second !== undefined);
    assert.notEqual(first.session, second.session);
    assert.deepEqual([second.dst, second.dtab], [first.dst, first.dtab]);
    assert.notEqual(spanOf(first), spanOf(second), "each try has a span of its own");
    const service = one.sessions.includes(first.session) ? one : two;
    await service.when(() => first.session.discarded.includes(first.tag));
    first.ok("too late");
    assert.equal((await client.dispatch({ payload: "next" })).text, "did next");
  });

  test("mux calls are sent once unless their service is said to be idempotent", async (t) => {
    const slow: MuxCall[] = [];
    const handle = (call: MuxCall) =>
      void (call.text === "slow" ? slow.push(call) : call.ok("did"));
    const [one, two] = [await muxService(t, handle), await muxService(t, handle)];
    const others = "{ prefix: /svc/sure, idempotent: true }";
    const service = `kind: io.l5d.static, configs: [${others}]`;
    const proxy = await proxied(t, "mux", [one.port, two.port], service);
    const client = await muxClient(t, proxy.port);
    await usual(proxy, "mux", () => client.dispatch({ dst: "/sure", payload: "quick" }));
    const once = client.dispatch({ dst: "/unsure", payload: "slow" });
    const twice = client.dispatch({ dst: "/sure", payload: "slow" });
    await Promise.all([one, two].map((each) => each.when(() => slow.length === 3)));
    assert.equal(slow.filter(({ dst }) => dst === "/unsure").length, 1);
    for (const call of slow) call.ok("at last");
    assert.deepEqual([(await once).text, (await twice).text], ["at last", "at last"]);
  });

  interface Asked {
    readonly peer: RawPeer;
    readonly message: Buffer;
  }

  const answerTo = (message: Buffer, text: string): Buffer => {
    const { method, seqid } = read(message);
    return framed(binary({ method, seqid, type: 2, body: textResult(text) }));
  };

  /** A plain framed service that leaves the responses to calls of `slow` and `add` to the test. */
  async function thriftService(t: TestContext, slow: Asked[]): Promise<number> {
    const service = await rawEndpoint(t, async (peer) => {
      for (;;) {
        const prefix = await peer.bytes(4).catch(() => null);
        if (prefix === null) return;
        const length = Buffer.from(prefix, "latin1").readInt32BE();
        const message = Buffer.from(await peer.bytes(length), "latin1");
        const isQuick = /quick|next/.test(read(message).method);
        if (isQuick) peer.send(answerTo(message, `did ${read(message).method}`));
        else slow.push({ peer, message });
      }
    });
    return service.port;
  }

  const body = (message: Buffer): string => read(message).body.toString("latin1");

  function thriftCaller(t: TestContext, port: number) {
    const caller = rawCaller(t, port);
    let seqid = 0;
    return {
      send: (method: string, type = 1) => {
        caller.send(framed(binary({ method, seqid: ++seqid, type })));
        return seqid;
      },
      answer: async () => {
        const length = Buffer.from(await caller.bytes(4), "latin1").readInt32BE();
        return Buffer.from(await caller.bytes(length), "latin1");
      },
    };
  }

  const twoSlow = (slow: readonly Asked[], count = 2) =>
    until(
      () => slow.length,
      (length) => length === count,
      `${count} slow calls`,
    );

  test("a Thrift call that is unusually slow is sent to another endpoint; the late response goes to no caller", async (t) => {
    const slow: Asked[] = [];
    const ports = [await thriftService(t, slow), await thriftService(t, slow)];
    const proxy = await proxied(t, "thrift", ports, "idempotent: [quick, slow]");
    const caller = thriftCaller(t, proxy.port);
    const quick = () => {
      caller.send("quick");
      return caller.answer();
    };
    await usual(proxy, "thrift", quick);
    const seqid = caller.send("Calc:slow"); // by its method alone
    await twoSlow(slow);
    const [first, second] = slow;
    assert.ok(first !== undefined && second !== undefined);
    assert.deepEqual(first.message, second.message);
    assert.notEqual(first.peer.socket.localPort, second.peer.socket.localPort);
    second.peer.send(answerTo(second.message, "second"));
    const answer = await caller.answer();
    assert.equal(read(answer).seqid, seqid);
    assert.match(body(answer), /second/);
    first.peer.send(answerTo(first.message, "too late"));
    for (let i = 0; i < 10; i++) {
      caller.send("next");
      assert.match(body(await caller.answer()), /did next/);
    }
    assert.equal(slow.length, 2);
  });

  test("other methods and one-way calls are never sent twice, however slow they are", async (t) => {
    const slow: Asked[] = [];
    const ports = [await thriftService(t, slow), await thriftService(t, slow)];
    const proxy = await proxied(t, "thrift", ports, "idempotent: [quick, slow]");
    const caller = thriftCaller(t, proxy.port);
    await usual(proxy, "thrift", () => {
      caller.send("quick");
      return caller.answer();
    });
    caller.send("slow", 4);
    caller.send("add");
    caller.send("slow");
    await twoSlow(slow, 4);
    const seen = slow.map(({ message }) => `${read(message).type} ${read(message).method}`);
    assert.deepEqual(seen.sort(), ["1 add", "1 slow", "1 slow", "4 slow"]);
    for (const { peer, message } of slow) {
      if (read(message).type === 1) peer.send(answerTo(message, "at last"));
    }
    assert.match(body(await caller.answer()), /at last/);
    assert.match(body(await caller.answer()), /at last/);
  });

  test("a Thrift call in mux is hedged over ThriftMux endpoints, each attempt with its own message", async (t) => {
    const slow: MuxCall[] = [];
    const ok = (call: MuxCall, text: string) => {
      const { method, seqid } = read(call.payload);
      call.ok(binary({ method, seqid, type: 2, body: textResult(text) }));
    };
    const handle = (call: MuxCall) => {
      if (read(call.payload).method !== "slow") ok(call, "did it");
      else if (slow.push(call) === 2) ok(call, "second");
    };
    const [one, two] = [await muxService(t, handle), await muxService(t, handle)];
    const ports = [one.port, two.port];
    const proxy = await proxied(t, "thriftmux", ports, "idempotent: true", "thriftMux: true");
    const client = await muxClient(t, proxy.port);
    const ask = (method: string) =>
      client.dispatch({ payload: binary({ method, seqid: 3 }), contexts: [["own", "context"]] });
    await usual(proxy, "thriftmux", () => ask("quick"));
    assert.match((await ask("slow")).text, /second/);
    const [first, second] = slow;
    assert.ok(first !== undefined && second !== undefined);
    assert.deepEqual([first.payload, first.contexts], [second.payload, second.contexts]);
    assert.notEqual(first.session, second.session);
    const service = one.sessions.includes(first.session) ? one : two;
    await service.when(() => first.session.discarded.includes(first.tag));
    ok(first, "too late");
    assert.match((await ask("quick")).text, /did it/);
  });

  test("a Thrift call in mux is hedged over plain Thrift endpoints", async (t) => {
    const slow: Asked[] = [];
    const ports = [await thriftService(t, slow), await thriftService(t, slow)];
    const proxy = await proxied(t, "thriftmux", ports, "idempotent: true");
    const client = await muxClient(t, proxy.port);
    const ask = (method: string) => client.dispatch({ payload: binary({ method, seqid: 3 }) });
    await usual(proxy, "thriftmux", () => ask("quick"));
    const asked = ask("slow");
    await twoSlow(slow);
    const [first, second] = slow;
    assert.ok(first !== undefined && second !== undefined);
    assert.deepEqual(first.message, second.message);
    second.peer.send(answerTo(second.message, "second"));
    assert.match((await asked).text, /second/);
    first.peer.send(answerTo(first.message, "too late"));
    assert.match((await ask("next")).text, /did next/);
  });
});

for (const isIdempotent of [true, false]) {
  const what = isIdempotent ? "an idempotent mux call" : "any other mux call";
  const end = isIdempotent ? "is sent again" : "fails";
  test(`${what} whose connection breaks ${end}`, async (t) => {
    let broken = 0;
    const handle = (call: MuxCall) => {
      if (call.text === "break" && broken++ === 0) call.session.socket.resetAndDestroy();
      else call.ok(`did ${call.text}`);
    };
    const users = await muxService(t, handle);
    const proxy = await proxied(t, "mux", [users.port], `idempotent: ${isIdempotent}`);
    const client = await muxClient(t, proxy.port);
    await client.dispatch({ payload: "first" });
    const { status, text } = await client.dispatch({ payload: "break" });
    assert.equal(status, isIdempotent ? 0 : 1);
    assert.match(text, isIdempotent ? /^did break$/ : /broke before it responded/);
  });
}
